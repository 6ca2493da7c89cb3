/** A launcher that runs nothing: processes live until the test ends them, commands answer what the test says. */
import { TendrilError } from '../../util/errors.ts';
import { FakeSession } from './fake-session.ts';
import type {
  Exit,
  Launcher,
  ProcessInput,
  ProcessSpec,
  RunResult,
  Session,
  SessionSpec,
} from './launcher.ts';

type RunScript = (spec: ProcessSpec, stdin: string | undefined) => RunResult | Promise<RunResult>;
type ExecScript = (id: string, argv: string[]) => RunResult | Promise<RunResult>;

const success: RunResult = { code: 0, stdout: '', stderr: '' };

export class FakeLauncher implements Launcher {
  /** Every spec that was started, oldest first. */
  readonly started: ProcessSpec[] = [];
  readonly signals: { id: string; signal: number }[] = [];
  readonly execs: { id: string; argv: string[] }[] = [];
  readonly sessions: { id: string; spec: SessionSpec; session: FakeSession }[] = [];
  /** What is written to running processes, by id. */
  readonly inputs = new Map<string, FakeSession>();
  readonly sysctls: { netns: string; values: Record<string, string> }[] = [];
  /** Scripts: throw in them to make the operation fail. */
  onStart: (spec: ProcessSpec) => void = () => {};
  onRun: RunScript = () => success;
  onExec: ExecScript = () => success;
  /** Processes that end by themselves when they get one of these signals. */
  endsOn = new Set([9, 15]);

  #live = new Map<string, ProcessSpec>();
  #handlers: ((exit: Exit) => void)[] = [];
  #untold: Exit[] = [];
  #nextPid = 1000;

  async start(spec: ProcessSpec): Promise<{ pid: number }> {
    if (this.#live.has(spec.id)) throw new TendrilError('TOOL_FAILED', `start ${spec.id}: id: EEXIST`);
    this.onStart(spec);
    this.started.push(spec);
    this.#live.set(spec.id, spec);
    return { pid: this.#nextPid++ };
  }

  async run(spec: ProcessSpec, options: { stdin?: string; timeoutMs: number }): Promise<RunResult> {
    return this.onRun(spec, options.stdin);
  }

  async exec(id: string, argv: string[]): Promise<RunResult> {
    this.execs.push({ id, argv });
    if (!this.#live.has(id)) throw new TendrilError('TOOL_FAILED', `exec ${id}: no such process`);
    return this.onExec(id, argv);
  }

  async session(id: string, spec: SessionSpec): Promise<Session> {
    if (!this.#live.has(id)) throw new TendrilError('TOOL_FAILED', `exec ${id}: no such process`);
    const session = new FakeSession();
    this.sessions.push({ id, spec, session });
    return session;
  }

  input(id: string): ProcessInput {
    const input = new FakeSession();
    this.inputs.set(id, input);
    return input;
  }

  async signal(id: string, signal: number): Promise<boolean> {
    this.signals.push({ id, signal });
    if (!this.#live.has(id)) return false;
    if (this.endsOn.has(signal)) this.exit(id, 128 + signal, signal);
    return true;
  }

  async sysctl(netns: string, values: Record<string, string>): Promise<void> {
    this.sysctls.push({ netns, values });
  }

  onExit(handler: (exit: Exit) => void): void {
    this.#handlers.push(handler);
    for (const exit of this.#untold.splice(0)) handler(exit);
  }

  async list(): Promise<string[]> {
    return [...this.#live.keys()];
  }

  close(): void {
    this.#handlers = [];
  }

  /** Lets a process end, as if by itself. */
  exit(id: string, code: number, signal?: number): void {
    if (!this.#live.delete(id)) return;
    const exit: Exit = signal === undefined ? { id, code } : { id, code, signal };
    if (this.#handlers.length === 0) this.#untold.push(exit);
    for (const handler of this.#handlers) handler(exit);
  }
}
