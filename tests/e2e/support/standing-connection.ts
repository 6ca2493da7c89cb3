/** A connection to a server that echoes, on which a line is sent every 100 ms until it is told to end. */
import type { TestCluster } from './test-cluster.ts';
import { until } from './until.ts';

/** More than what may be on its way. */
const some = 5;
/** So many are sent before it is believed that nothing comes back. */
const many = 20;

let count = 0;

export interface From {
  /** As `tendril exec` has it. */
  where: readonly string[];
  /** Of files there. */
  directory: string;
}

export class StandingConnection {
  readonly #cluster: TestCluster;
  readonly #where: readonly string[];
  readonly #files: string;
  readonly #ended: Promise<unknown>;

  /** @param address as socat has it: `TCP4:10.0.0.1:7000` */
  constructor(cluster: TestCluster, { where, directory }: From, address: string) {
    this.#cluster = cluster;
    this.#where = where;
    this.#files = `${directory}/standing-${process.pid}-${++count}`;
    const { sent, got, end } = this.#names();
    const lines = `while [ ! -e ${end} ] && sleep 0.1; do echo x || exit; echo x >> ${sent}; done`;
    const script = `: > ${sent}; (${lines}) | socat -t 1 - ${address} > ${got}`;
    this.#ended = cluster.tendril(['exec', ...this.#where, '--', 'sh', '-c', script]);
  }

  /** Resolves once lines come back. */
  async flows(): Promise<void> {
    const { got } = await this.#counts();
    await until('lines come back', async () => (await this.#counts()).got > got + some);
  }

  /** Whether lines come back while many are sent. */
  async isCut(): Promise<boolean> {
    const start = await this.#counts();
    await this.#sent(start.sent + some);
    const { sent, got } = await this.#counts();
    await this.#sent(sent + many);
    return (await this.#counts()).got === got;
  }

  async end(): Promise<void> {
    await this.#cluster.exec(this.#where, 'touch', this.#names().end);
    await this.#ended;
  }

  async #sent(lines: number): Promise<void> {
    await until('lines are sent', async () => (await this.#counts()).sent >= lines);
  }

  #names() {
    return { sent: `${this.#files}.sent`, got: `${this.#files}.got`, end: `${this.#files}.end` };
  }

  /** Lines; none before it has begun. */
  async #counts(): Promise<{ sent: number; got: number }> {
    const { sent, got } = this.#names();
    const script = `for file in ${sent} ${got}; do cat $file 2>&- | wc -l; done`;
    const [first, second] = (await this.#cluster.exec(this.#where, 'sh', '-c', script)).trim().split(/\s+/);
    return { sent: Number(first), got: Number(second) };
  }
}
