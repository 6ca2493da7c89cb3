/** A connection to a server that echoes, on which a line is sent every 100 ms until it is told to end. */
import type { TestCluster } from './test-cluster.ts';
import { usualMs } from './until.ts';

/** More than what may be on its way. */
const some = 5;
/** So many are sent before it is believed that nothing comes back. */
const many = 20;
const lookMs = 100;

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
    await this.#reached(this.#names().got, got + some);
  }

  /** Whether lines come back while many are sent. */
  async isCut(): Promise<boolean> {
    const start = await this.#counts();
    await this.#reached(this.#names().sent, start.sent + some);
    const { sent, got } = await this.#counts();
    await this.#reached(this.#names().sent, sent + many);
    return (await this.#counts()).got === got;
  }

  async end(): Promise<void> {
    await this.#cluster.exec(this.#where, 'touch', this.#names().end);
    await this.#ended;
  }

  /** Resolves once the file has so many lines: looked at by one command, there. */
  async #reached(file: string, lines: number): Promise<void> {
    const tries = usualMs / lookMs;
    const look = `[ "$(cat ${file} 2>&- | wc -l)" -ge ${lines} ] && exit`;
    const script = `for i in $(seq ${tries}); do ${look}; sleep ${lookMs / 1000}; done; exit 1`;
    await this.#cluster.exec(this.#where, 'sh', '-c', script);
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
