/**
 * A connection of its own for who talks to a process while it runs: a reader that is slow then holds up nobody else,
 * and the launcher knows by the connection's end that nobody listens any more.
 */
import { randomUUID } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { Brake } from '../../util/brake.ts';
import { TendrilError } from '../../util/errors.ts';
import { failure } from './failure.ts';
import { encodeFrame, type Field, type Frame, FrameReader, textOf } from './frame.ts';
import type { ProcessInput, Session, SessionSpec, TerminalSize } from './launcher.ts';

/** Well below what a frame may hold. */
const pieceBytes = 1 << 20;

/** The process is gone with the launcher, or its end was missed. */
const lost = (cause: unknown) =>
  new TendrilError('TOOL_FAILED', 'the launcher closed the connection', { cause });

const resizeFrame = (id: string, { rows, columns }: TerminalSize) =>
  encodeFrame([
    ['op', 'resize'],
    ['id', id],
    ['rows', String(rows)],
    ['columns', String(columns)],
  ]);

/** Writes to the process; `ended` is what happens to the connection at the input's end. */
function stdinOf(socket: Socket, id: string, ended: (done: () => void) => void): Writable {
  const frame = (...data: Field[]) => encodeFrame([['op', 'input'], ['id', id], ...data]);
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      for (let at = 0; at < chunk.length; at += pieceBytes)
        socket.write(frame(['data', chunk.subarray(at, at + pieceBytes)]));
      socket.write('', done);
    },
    final: (done) => void socket.write(frame(), () => ended(done)),
  });
}

/** Of a process that was started with an input. What is written after its end is lost. */
export function openInput(path: string, id: string): ProcessInput {
  const socket = createConnection(path);
  const stdin = stdinOf(socket, id, (done) => socket.end(done));
  socket.on('error', (error) => stdin.destroy(error)).resume();
  // What is on its way shall arrive.
  stdin.on('close', () => socket.end()).on('error', () => {});
  return { stdin, resize: (size) => void socket.write(resizeFrame(id, size)) };
}

/** Resolves when the command runs. */
export function openSession(path: string, container: string, spec: SessionSpec): Promise<Session> {
  const id = `session/${randomUUID()}`;
  const socket = createConnection(path);
  const fields: Field[] = [['op', 'session'], ['req', '1'], ['id', id], ['in', container]]; // biome-ignore format: one line
  for (const word of spec.argv) fields.push(['argv', word]);
  if (spec.interactive) fields.push(['interactive', '1']);
  if (spec.tty) fields.push(['tty', '1'], ['env', 'TERM=xterm']);
  socket.write(encodeFrame(fields));
  return new Promise((resolve, reject) => {
    const session = new LauncherSession(socket, id);
    session.started.then(() => resolve(session), reject);
    session.started.catch(() => socket.destroy());
  });
}

class LauncherSession implements Session {
  readonly #socket: Socket;
  readonly #id: string;
  readonly #started = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<number>();
  readonly #brake: Brake;
  #isStarted = false;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;

  constructor(socket: Socket, id: string) {
    this.#socket = socket;
    this.#id = id;
    this.#brake = new Brake(socket);
    this.stdout = this.#output();
    this.stderr = this.#output();
    this.stdin = stdinOf(socket, id, (done) => done());
    // Whoever writes to what has ended learns of the end by `exited`.
    this.stdin.on('error', () => {});
    this.#exited.promise.catch(() => {});
    const reader = new FrameReader();
    socket.on('data', (chunk) => {
      try {
        for (const frame of reader.push(chunk)) this.#receive(frame);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    let cause: Error | undefined;
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('close', () => this.#lost(lost(cause)));
  }

  get started(): Promise<void> {
    return this.#started.promise;
  }

  get exited(): Promise<number> {
    return this.#exited.promise;
  }

  resize(size: TerminalSize): void {
    this.#socket.write(resizeFrame(this.#id, size));
  }

  close(): void {
    this.#socket.destroy();
  }

  #output(): Readable {
    const brake = this.#brake;
    return new Readable({
      read() {
        brake.release(this);
      },
      destroy(error, done) {
        brake.release(this);
        done(error);
      },
    });
  }

  #receive(frame: Frame): void {
    const event = textOf(frame, 'event');
    if (event === 'output') this.#show(frame);
    else if (event === 'exit') this.#end(Number(textOf(frame, 'code')));
    else if (textOf(frame, 'ok') === '1') this.#start();
    else this.#started.reject(failure('', frame));
  }

  #start(): void {
    this.#isStarted = true;
    this.#started.resolve();
  }

  #show(frame: Frame): void {
    const stream = textOf(frame, 'stream') === '2' ? this.stderr : this.stdout;
    const data = frame.fields.find(([key]) => key === 'data')?.[1];
    if (data === undefined) return;
    // A command may write before the launcher hears that it runs, and nobody reads before that is known here.
    if (this.#isStarted) this.#brake.feed(stream, data);
    else stream.push(data);
  }

  #end(code: number): void {
    this.stdout.push(null);
    this.stderr.push(null);
    this.#exited.resolve(code);
    this.#socket.destroy();
  }

  #lost(error: Error): void {
    this.#started.reject(error);
    this.#exited.reject(error);
    this.stdout.push(null);
    this.stderr.push(null);
    this.stdin.destroy();
  }
}
