/** New connections and questions at a steady rate, from a pod or from outside, and what became of them. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Place, spawnAt } from './place.ts';

export interface Target {
  ip: string;
  port: number;
}

export interface Outcome {
  begun: number;
  succeeded: number;
  /** Connections of which a segment was sent twice. */
  retransmitted: number;
  slowestMs: number;
  /** Times are those of the first and the last, ms after the start. */
  failures: { kind: string; count: number; firstMs: number; lastMs: number }[];
}

/** At the latest after this they end by themselves. */
const longestS = 120;

/** The programs that make connections and ask questions, compiled for the tests. */
export class LoadGenerator implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'tendril-load-'));
  readonly #connections = this.#compile('connections');
  readonly #questions = this.#compile('questions');

  #compile(name: string): string {
    const program = join(this.#directory, name);
    const source = join(import.meta.dirname, `${name}.c`);
    execFileSync('clang', ['-O2', '-static', '-D_GNU_SOURCE', '-Wall', '-o', program, source]);
    return program;
  }

  /** Begins; targets take turns. */
  start(place: Place, load: { perSecond: number; targets: readonly Target[] }): Load {
    const words = load.targets.flatMap(({ ip, port }) => [ip, String(port)]);
    return new Load(spawnAt(place, [this.#connections, String(load.perSecond), String(longestS), ...words]));
  }

  /** Begins to ask a DNS server for a name's address; an answer takes a second at the most. */
  ask(place: Place, load: { perSecond: number; server: string; name: string }): Load {
    const { perSecond, server, name } = load;
    return new Load(spawnAt(place, [this.#questions, String(perSecond), String(longestS), server, name]));
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}

export class Load implements Disposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    this.#ended = new Promise((resolve) => child.once('close', () => resolve(text)));
  }

  /** No new connections; resolves once the last one has ended. */
  async stop(): Promise<Outcome> {
    this.#child.kill('SIGTERM');
    return JSON.parse(await this.#ended);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
