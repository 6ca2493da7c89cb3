/** One long connection or datagram flow to a server that echoes: a line every 50 ms, and which came back. */
import type { ChildProcess } from 'node:child_process';
import { type Place, spawnAt } from './place.ts';

const everyMs = 50;

export class Conversation implements Disposable {
  readonly #child: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  readonly #closed: Promise<unknown>;
  #sent = 0;
  #answers = '';

  /** @param address as socat has it: `TCP4:10.0.0.1:7000` */
  constructor(place: Place, address: string) {
    // Three seconds for what is on its way when the last line was sent.
    this.#child = spawnAt(place, ['socat', '-t', '3', '-', address]);
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#answers += text;
    });
    this.#child.stdin!.on('error', () => {});
    this.#closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#timer = setInterval(() => this.#child.stdin!.write(`${++this.#sent}\n`), everyMs);
  }

  isAnswered(): boolean {
    return this.#answers !== '';
  }

  /** Lines that did not come back, in a conversation that ends now. */
  async missing(): Promise<number[]> {
    clearInterval(this.#timer);
    this.#child.stdin!.end();
    await this.#closed;
    const answered = new Set(this.#answers.trim().split('\n').map(Number));
    return Array.from({ length: this.#sent }, (_, i) => i + 1).filter((line) => !answered.has(line));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#child.kill('SIGKILL');
  }
}
