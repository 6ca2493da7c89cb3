/**
 * The launcher's client. It connects when first used and again when the connection is lost; requests that were
 * under way then fail, since nobody knows whether they were carried out.
 */
import { Connection } from './connection.ts';
import { failure } from './failure.ts';
import { type Field, type Frame, textOf, textsOf } from './frame.ts';
import type {
  Exit,
  Launcher,
  ProcessInput,
  ProcessSpec,
  RunResult,
  Session,
  SessionSpec,
} from './launcher.ts';
import { openInput, openSession } from './session.ts';
import { specFields } from './spec-fields.ts';

function runResult(answer: Frame): RunResult {
  return {
    code: Number(textOf(answer, 'code')),
    stdout: textOf(answer, 'stdout') ?? '',
    stderr: textOf(answer, 'stderr') ?? '',
  };
}

export class LauncherClient implements Launcher {
  readonly #socket: string;
  #connection: Connection;
  #handlers: ((exit: Exit) => void)[] = [];
  /** Exits that were handled: the launcher tells them again when it did not hear that they were. */
  #seen = 0;

  /** @param socket path of the launcher's unix socket */
  constructor(socket: string) {
    this.#socket = socket;
    this.#connection = new Connection(socket, (frame) => this.#event(frame));
  }

  /** The launcher has died, and every container with it; agents live on. */
  get isGone(): boolean {
    return this.#connection.isLost;
  }

  /** Calls back when it has died. */
  onGone(handler: () => void): void {
    this.#connection.onLost = handler;
  }

  async #request(what: string, op: string, fields: Field[]): Promise<Frame> {
    const answer = await this.#connection.request(op, fields);
    if (textOf(answer, 'ok') !== '1') throw failure(what, answer);
    return answer;
  }

  async start(spec: ProcessSpec): Promise<{ pid: number; dropped?: string[] }> {
    const answer = await this.#request(`start ${spec.id}`, 'start', specFields(spec));
    const dropped = textsOf(answer, 'dropped');
    const pid = Number(textOf(answer, 'pid'));
    return dropped.length > 0 ? { pid, dropped } : { pid };
  }

  async run(spec: ProcessSpec, options: { stdin?: string; timeoutMs: number }): Promise<RunResult> {
    const fields: Field[] = [...specFields(spec), ['timeout-ms', String(options.timeoutMs)]];
    if (options.stdin !== undefined) fields.push(['stdin', options.stdin]);
    return runResult(await this.#request(`run ${spec.id}`, 'run', fields));
  }

  async exec(id: string, argv: string[], options: { timeoutMs: number }): Promise<RunResult> {
    const words = argv.map((word): Field => ['argv', word]);
    const fields: Field[] = [['id', id], ...words, ['timeout-ms', String(options.timeoutMs)]];
    return runResult(await this.#request(`exec ${argv[0]} in ${id}`, 'exec', fields));
  }

  session(id: string, spec: SessionSpec): Promise<Session> {
    return openSession(this.#socket, id, spec);
  }

  input(id: string): ProcessInput {
    return openInput(this.#socket, id);
  }

  async signal(id: string, signal: number): Promise<boolean> {
    const answer = await this.#request(`signal ${id}`, 'signal', [
      ['id', id],
      ['signal', String(signal)],
    ]);
    return textOf(answer, 'sent') === '1';
  }

  async sysctl(netns: string, values: Record<string, string>): Promise<void> {
    const settings = Object.entries(values).map(([key, value]): Field => ['set', `${key}=${value}`]);
    await this.#request(`sysctl in ${netns}`, 'sysctl', [['netns', netns], ...settings]);
  }

  async list(): Promise<string[]> {
    return textsOf(await this.#request('list', 'list', []), 'id');
  }

  onExit(handler: (exit: Exit) => void): void {
    this.#handlers.push(handler);
    if (this.#handlers.length === 1) this.#connection.onConnect([['op', 'watch']]);
  }

  close(): void {
    this.#connection.close();
  }

  #event(frame: Frame): void {
    const sequence = Number(textOf(frame, 'seq'));
    if (textOf(frame, 'event') !== 'exit') return;
    if (sequence > this.#seen) {
      this.#seen = sequence;
      const exit: Exit = { id: textOf(frame, 'id') ?? '', code: Number(textOf(frame, 'code')) };
      const signal = textOf(frame, 'signal');
      if (signal !== undefined) exit.signal = Number(signal);
      for (const handler of this.#handlers) handler(exit);
    }
    this.#connection.send([
      ['op', 'seen'],
      ['seq', String(sequence)],
    ]);
  }
}

/**
 * A client of the launcher that listens on a socket.
 * @throws TendrilError TOOL_FAILED when none does
 */
export async function createLauncherClient(options: { socket: string }): Promise<LauncherClient> {
  const client = new LauncherClient(options.socket);
  await client.list();
  return client;
}
