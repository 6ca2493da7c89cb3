/**
 * Real kube-proxy, built from its Go module, on a machine of its own. It starts anew for each set of objects: its
 * first sync comes once it has heard of all, and so says when they are in force.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Contender } from '../rig/contender.ts';
import type { Machine } from '../rig/machine.ts';
import { nodeName } from '../rig/objects.ts';

const run = promisify(execFile);
const directory = join(import.meta.dirname, '../../.cache/peers');
const program = join(directory, 'kube-proxy');

export type ProxyMode = 'nftables' | 'iptables';

/**
 * Builds it where it is not built yet, which takes minutes, and installs the programs that it calls; its version.
 * @throws Error where either fails; what failed is on stderr
 */
export function ensureKubeProxy(): string {
  const install = join(import.meta.dirname, '../../scripts/apt-install');
  execFileSync(install, ['iptables', 'nftables', 'conntrack', 'curl'], { stdio: 'inherit' });
  if (!existsSync(program)) {
    console.error('building kube-proxy, once; this takes some minutes');
    execFileSync(join(import.meta.dirname, '../../scripts/build-kubernetes'), ['kube-proxy', directory], {
      stdio: 'inherit',
    });
  }
  return readFileSync(join(directory, 'kube-proxy.version'), 'utf8').trim();
}

export interface KubeProxyOptions {
  mode: ProxyMode;
  machine: Machine;
  /** Of an API server that answers in the machine's node namespace. */
  kubeconfig: string;
  /** How long a first sync may take. */
  limitMs?: number;
}

export class KubeProxy implements Contender {
  readonly name: string;
  readonly machine: Machine;
  readonly #options: KubeProxyOptions;
  #child: ReturnType<typeof spawn> | undefined;

  constructor(options: KubeProxyOptions) {
    this.#options = options;
    this.machine = options.machine;
    this.name = `kube-proxy ${options.mode}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it on what the API holds; resolves after its first sync, with how long that took from its start. */
  async serve(): Promise<number> {
    await this.pause();
    const start = performance.now();
    this.#start();
    const limitMs = this.#options.limitMs ?? 60_000;
    while (performance.now() - start < limitMs) {
      if (await this.#hasSynced()) return performance.now() - start;
      if (this.#child?.exitCode !== null) throw new Error(`${this.name} ended; see ${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${this.name} has not synced within ${limitMs / 1000} s`);
  }

  /** The sum over all label sets, of both families, of a metric of its own. */
  async metric(name: string): Promise<number> {
    return (await this.#values(name)).reduce((sum, value) => sum + value, 0);
  }

  async forget(): Promise<void> {
    await this.#inNode('conntrack', ['-F']);
  }

  async close(): Promise<void> {
    await this.pause();
    await this.machine.close();
  }

  get #log(): string {
    return join(this.machine.directory, 'kube-proxy.out');
  }

  /** Each family has a proxier of its own, which syncs when it can. */
  async #hasSynced(): Promise<boolean> {
    const times = await this.#values('kubeproxy_sync_proxy_rules_last_timestamp_seconds').catch(() => []);
    return times.length === 2 && times.every((time) => time > 0);
  }

  async #values(name: string): Promise<number[]> {
    const url = 'http://127.0.0.1:10249/metrics';
    const { stdout } = await this.#inNode('curl', ['-s', '--fail', '--max-time', '5', url]);
    return stdout
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.split(' ').at(-1)));
  }

  #inNode(command: string, argv: readonly string[]) {
    const options = { maxBuffer: 1 << 28 };
    return run('nsenter', [`--net=${this.machine.path('node')}`, command, ...argv], options);
  }

  /** With a /run of its own: the lock that all iptables programs of a machine share lies there. */
  #start(): void {
    const argv = [
      ...[`--kubeconfig=${this.#options.kubeconfig}`, `--proxy-mode=${this.#options.mode}`],
      ...[`--hostname-override=${nodeName}`, '--cluster-cidr=10.244.0.0/16,fd00:244::/48'],
      ...['--healthz-bind-address=127.0.0.1:10256', '--metrics-bind-address=127.0.0.1:10249'],
      ...['--conntrack-max-per-core=0', '--conntrack-tcp-timeout-established=0s'],
      '--conntrack-tcp-timeout-close-wait=0s',
    ];
    const script = `mount -t tmpfs tmpfs /run; exec ${program} ${argv.join(' ')}`;
    const enter = [`--net=${this.machine.path('node')}`, 'unshare', '-m', 'sh', '-ec', script];
    const log = openSync(this.#log, 'w');
    this.#child = spawn('nsenter', enter, { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  /** Ends the process; its rules stay. */
  async pause(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}
