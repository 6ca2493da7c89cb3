/** An API server in a process of its own: to be measured, and to be killed and started again with what it kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createHttpClient, type HttpClient } from '../../../src/kube/client/http-client.ts';
import { type ApiEndpoint, parseKubeconfig } from '../../../src/kube/client/kubeconfig.ts';
import { kubeconfig } from '../../../src/lab/apiserver/pki/kubeconfig.ts';
import { adminGroups, adminUser, createCertificateAuthority } from '../../../src/lab/apiserver/pki/pki.ts';
import type { ApiReport, ApiServerSettings } from './api-server-process.ts';

export const apiServerProgram = join(import.meta.dirname, 'api-server-process.ts');

export interface ApiProcessOptions {
  /** What it holds is there again when it is started anew. */
  keepsState?: boolean;
  /** How many changes of each collection it remembers at least. */
  logLength?: number;
  /** What Node.js runs, with its own flags before it; `apiServerProgram` from its source unless given. */
  command?: readonly string[];
}

export class ApiProcess implements AsyncDisposable {
  readonly #directory: string;
  readonly #settings: ApiServerSettings;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;
  #endpoint: ApiEndpoint | undefined;

  private constructor(directory: string, settings: ApiServerSettings, command: readonly string[]) {
    this.#directory = directory;
    this.#settings = settings;
    this.#command = command;
  }

  static async start({
    keepsState,
    logLength,
    command = [apiServerProgram],
  }: ApiProcessOptions = {}): Promise<ApiProcess> {
    const directory = mkdtempSync(join(tmpdir(), 'tendril-api-'));
    const ca = createCertificateAuthority('test');
    const settings: ApiServerSettings = {
      port: 0,
      ...ca.serverCertificate(['localhost', '127.0.0.1']),
      clientCa: ca.certificate,
      stateDirectory: keepsState ? join(directory, 'state') : undefined,
      logLength,
    };
    const api = new ApiProcess(directory, settings, command);
    try {
      await api.#run();
      const client = ca.clientCertificate(adminUser, adminGroups);
      const server = `https://127.0.0.1:${settings.port}`;
      const text = kubeconfig({ name: 'test', server, ca: ca.certificate, client });
      writeFileSync(api.kubeconfig, text, { mode: 0o600 });
      api.#endpoint = await parseKubeconfig(text);
    } catch (error) {
      await api[Symbol.asyncDispose]();
      throw error;
    }
    return api;
  }

  /** A path. */
  get kubeconfig(): string {
    return join(this.#directory, 'kubeconfig');
  }

  get endpoint(): ApiEndpoint {
    return this.#endpoint!;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  client(): HttpClient {
    return createHttpClient(this.endpoint);
  }

  async report(): Promise<ApiReport> {
    this.#child!.stdin!.write('report\n');
    return JSON.parse(await this.#line());
  }

  /** Killed, as a process that crashes ends, and started again on the same port. */
  async crash(): Promise<void> {
    await this.#end('SIGKILL');
    await this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends by itself with its input: a profiler writes down what it saw.
    this.#child?.stdin?.end();
    await this.#end(undefined);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    const argv = [...this.#command, JSON.stringify(this.#settings)];
    const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    this.#settings.port = Number(await this.#line());
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines!.next();
    if (done) throw new Error('the API server has ended');
    return value;
  }

  async #end(signal: NodeJS.Signals | undefined): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (signal) child.kill(signal);
    await ended;
  }
}
