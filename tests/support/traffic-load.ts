/** A run of the load generator (native/traffic), wherever it was started, and what it found. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const trafficProgram = join(import.meta.dirname, '../../dist/native/traffic');

export interface Finding {
  kind: 'connects' | 'queries' | 'kept';
  target: string;
  how: string;
  count: number;
  firstMs: number;
  longestMs: number;
}

interface Tally {
  begun: number;
  succeeded: number;
  failed: number;
  excused: number;
  p99Ms: number;
  slowestMs: number;
}

export interface Report extends Record<Finding['kind'], Tally> {
  tookMs: number;
  lateLongestMs: number;
  lateMs: number;
  failures: Finding[];
  excused: Finding[];
}

export class TrafficLoad implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ready: Promise<void>;
  readonly #ended: Promise<void>;

  /** With pipes for input and output; it runs with `--until-eof`. */
  constructor(child: ChildProcess) {
    this.#child = child;
    const lines = createInterface({ input: child.stdout! });
    lines.on('line', (line) => this.#lines.push(line));
    this.#ended = once(lines, 'close').then(() => {});
    this.#ready = once(lines, 'line').then(() => {});
  }

  /** Resolves once all of its traffic has worked. @throws Error where it has ended before, or does not come to it */
  async ready(seconds = 30): Promise<void> {
    const early = this.#ended.then(() =>
      Promise.reject(new Error(`the load ended: ${this.#lines.join('\n')}`)),
    );
    const late = new Promise((_, reject) => {
      setTimeout(
        () => reject(new Error(`not all traffic works within ${seconds} s`)),
        seconds * 1000,
      ).unref();
    });
    await Promise.race([this.#ready, early, late]);
  }

  /** Nothing new; resolves once what is under way has ended. */
  async stop(): Promise<Report> {
    this.#child.stdin!.end();
    await this.#ended;
    return JSON.parse(this.#lines.at(-1)!);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
