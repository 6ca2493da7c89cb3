/** A command that nobody runs: a test is the process. */
import { PassThrough } from 'node:stream';
import type { Session, TerminalSize } from './launcher.ts';

export class FakeSession implements Session {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly sizes: TerminalSize[] = [];
  isClosed = false;
  readonly #exited = Promise.withResolvers<number>();

  get exited(): Promise<number> {
    return this.#exited.promise;
  }

  resize(size: TerminalSize): void {
    this.sizes.push(size);
  }

  close(): void {
    this.isClosed = true;
    this.exit(137);
  }

  /** The process ends. */
  exit(code: number): void {
    this.stdout.end();
    this.stderr.end();
    this.#exited.resolve(code);
  }
}
