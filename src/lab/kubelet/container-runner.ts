/** Runs one container of a pod: starts it, probes it, stops it, and writes what happens into its record. */
import { writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '../../kube/types.ts';
import { longestTimerMs } from '../../util/clock.ts';
import { describeError, isError } from '../../util/errors.ts';
import { morePortsText } from '../images/stand-in.ts';
import { type ContainerPlace, makeFiles, removeFiles, writeRecord } from './container-files.ts';
import { type ContainerLaunch, containerLaunch, portsOf } from './container-launch.ts';
import type { EventText } from './event-recorder.ts';
import { type Hook, runHook } from './lifecycle-hooks.ts';
import type { NodeContext } from './node-context.ts';
import type { ContainerRecord, PodRecord, Termination } from './pod-record.ts';
import { type AttemptContext, attemptProbe } from './probes/attempt.ts';
import { ContainerProbes } from './probes/container-probes.ts';
import type { ProbeResult } from './probes/http-probe.ts';
import type { Outcome, ProbeKind } from './probes/probe-plan.ts';
import { containerLimits } from './resource-limits.ts';
import { terminationMessage } from './termination-message.ts';
import type { PodVolumes } from './volumes/pod-volumes.ts';

export interface ContainerRunnerOptions {
  context: NodeContext;
  /** The pod as it is now. */
  pod: () => Pod;
  podRecord: PodRecord;
  record: ContainerRecord;
  volumes: PodVolumes;
  /** Process whose PID namespace the containers share. */
  pidNamespaceOf: () => string | undefined;
  /** The record has changed. */
  changed: () => void;
  event: (text: EventText, container: string) => void;
}

const SIGHUP = 1;
const SIGTERM = 15;
const SIGKILL = 9;
/** After a preStop hook a container still gets this long between SIGTERM and SIGKILL. */
const leastGraceMs = 2000;
const configRetryMs = 10_000;
/** What a runtime reports of a container whose command could not be started. */
const startFailure = 128;
/** runc's words. */
const tooLow = ': container init was OOM-killed (memory limit too low?)';

export class ContainerRunner {
  readonly #options: ContainerRunnerOptions;
  readonly #record: ContainerRecord;
  readonly #context: NodeContext;
  #launch: ContainerLaunch | undefined;
  #probes: ContainerProbes | undefined;
  #cancelKill: (() => void) | undefined;
  #killAt = Number.POSITIVE_INFINITY;
  #hurry: ((inMs: number) => void) | undefined;

  constructor(options: ContainerRunnerOptions) {
    this.#options = options;
    this.#record = options.record;
    this.#context = options.context;
  }

  /** Ends when the container runs and its postStart hook has returned, or could not be started. Never throws. */
  async start(): Promise<void> {
    const record = this.#record;
    record.state = 'starting';
    record.holdUntil = undefined;
    const before = record.restartCount;
    // A container that was started once counts every further start.
    if (record.id !== undefined) record.restartCount++;
    try {
      this.#launch = await this.#prepare();
    } catch (error) {
      record.restartCount = before;
      this.#cannotConfigure(error);
      return;
    }
    if (record.termination)
      record.backoff.restarted(record.termination.finishedAt, this.#context.clock.now());
    record.waiting = undefined;
    await this.#run(this.#launch);
  }

  /** Looks after the container no more; it runs on. */
  release(): void {
    this.#probes?.stop();
    this.#cancelKill?.();
  }

  /** Services have changed: one may send clients to a port that a running stand-in does not have yet. */
  async servicesChanged(): Promise<void> {
    const launch = this.#launch;
    if (!launch?.image.standIn || this.#record.kind === 'init' || this.#record.state !== 'running') return;
    const ports = portsOf(this.#options.pod(), this.#record, this.#context);
    if (isDeepStrictEqual(ports, launch.ports)) return;
    launch.ports = ports;
    await writeFile(launch.morePorts, morePortsText(ports));
    await this.#context.launcher.signal(launch.spec.id, SIGHUP);
  }

  async #prepare(): Promise<ContainerLaunch> {
    const { context, pod, podRecord, record, volumes, pidNamespaceOf } = this.#options;
    const launch = await containerLaunch({
      pod: pod(),
      record: podRecord,
      container: record,
      volumes,
      context,
      pidNamespaceOf: pidNamespaceOf(),
    });
    const { spec } = launch;
    spec.cgroups1 = context.cgroups.ensureLeaf(spec.cgroup, containerLimits(pod(), record.spec));
    await makeFiles(launch, this.#place());
    return launch;
  }

  #cannotConfigure(error: unknown): void {
    const known = isError(error, 'BAD_INPUT');
    const reason = known ? 'CreateContainerConfigError' : 'CreateContainerError';
    this.#record.state = 'waiting';
    this.#record.waiting = { reason, message: describeError(error) };
    this.#record.holdUntil = this.#context.clock.now() + configRetryMs;
    this.#event('Warning', 'Failed', `Error: ${describeError(error)}`);
    this.#options.changed();
  }

  async #run(launch: ContainerLaunch): Promise<void> {
    const record = this.#record;
    const { clock, exits, launcher } = this.#context;
    const { id } = launch.spec;
    record.id = id;
    record.startedAt = clock.now();
    exits.set(id, (exit) => void this.#ended(launch, exit.code));
    let pid: number;
    let dropped: string[];
    try {
      ({ pid, dropped = [] } = await launcher.start(launch.spec));
    } catch (error) {
      const message = `${describeError(error)}${this.#oomKilled(launch) ? tooLow : ''}`;
      this.#event('Warning', 'Failed', `Error: ${message}`);
      await this.#ended(launch, startFailure, { reason: 'StartError', message });
      return;
    }
    record.startedAt = clock.now();
    this.#event('Normal', 'Created', `Container created`);
    this.#event('Normal', 'Started', `Container started`);
    this.#tellRefused(launch, dropped);
    void writeRecord(launch, pid, this.#place());
    const postStart = record.spec.lifecycle?.postStart;
    if (postStart && !(await this.#postStart(postStart))) return;
    if (record.state !== 'starting') return;
    record.state = 'running';
    this.#watch(launch);
    this.#options.changed();
  }

  #tellRefused({ security }: ContainerLaunch, dropped: string[]): void {
    if (security.refused) this.#event('Warning', 'NotGranted', security.refused);
    if (dropped.length > 0)
      this.#event('Warning', 'NotGranted', `capabilities refused: ${dropped.join(', ')}`);
  }

  /** False when the hook failed; the container is then killed. It may take as long as it likes. */
  async #postStart(hook: Hook): Promise<boolean> {
    const result = await this.#unlessHurried(runHook(hook, this.#attempt(), longestTimerMs));
    if (result === undefined || result.ok || this.#record.state !== 'starting') return true;
    this.#event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`);
    this.#record.state = 'running';
    void this.stop(this.#graceMs(), 'FailedPostStartHook');
    return false;
  }

  #watch(launch: ContainerLaunch): void {
    const record = this.#record;
    const { startupProbe: startup, livenessProbe: liveness, readinessProbe: readiness } = record.spec;
    record.started = startup === undefined;
    record.ready = record.started && readiness === undefined;
    const attempt = this.#attempt();
    this.#probes = new ContainerProbes({
      probes: record.kind === 'init' ? {} : { startup, liveness, readiness },
      startedAt: record.startedAt!,
      fast: this.#context.cluster.fastProbes,
      clock: this.#context.clock,
      attempt: (probe, timeoutMs) => attemptProbe(probe, attempt, timeoutMs),
      onVerdict: (kind, outcome) => {
        if (this.#launch === launch) this.#judge(kind, outcome);
      },
      onFailure: (kind, message) =>
        this.#event('Warning', 'Unhealthy', `${titles[kind]} probe failed: ${message}`),
    });
    this.#probes.start();
  }

  #judge(kind: ProbeKind, outcome: Outcome): void {
    const record = this.#record;
    const before = `${record.started} ${record.ready}`;
    if (kind === 'readiness') record.ready = outcome === 'success';
    if (kind === 'startup' && outcome === 'success') {
      record.started = true;
      record.ready = record.spec.readinessProbe === undefined;
    }
    if (kind !== 'readiness' && outcome === 'failure' && record.state === 'running') {
      const probe = kind === 'startup' ? record.spec.startupProbe : record.spec.livenessProbe;
      const seconds = probe?.terminationGracePeriodSeconds;
      const why = `Container ${record.name} failed ${kind} probe, will be restarted`;
      void this.stop(seconds === undefined ? this.#graceMs() : seconds * 1000, why);
    }
    if (`${record.started} ${record.ready}` !== before) this.#options.changed();
  }

  /** preStop, SIGTERM, and SIGKILL when the grace is over. The end itself is told by the launcher. */
  async stop(graceMs: number, why?: string): Promise<void> {
    const record = this.#record;
    if (record.state !== 'running') return;
    record.state = 'stopping';
    const { clock } = this.#context;
    const launch = this.#launch!;
    this.#killAt = clock.now() + graceMs;
    this.#event('Normal', 'Killing', why ?? `Stopping container ${record.name}`);
    const preStop = record.spec.lifecycle?.preStop;
    if (preStop && graceMs > 0) {
      await this.#preStop(preStop, graceMs);
      this.#killAt = Math.max(this.#killAt, clock.now() + leastGraceMs);
    }
    if (record.state !== 'stopping' || this.#launch !== launch) return;
    this.#armKill(launch);
    await this.#signal(launch, SIGTERM);
  }

  /**
   * Of a container that the kernel has killed a process of for want of memory all others end too. The kernel itself sees
   * to it where it can: memory.oom.group of version 2.
   */
  async endIfOomKilled(): Promise<void> {
    const { state } = this.#record;
    if ((state === 'running' || state === 'stopping') && this.#oomKilled(this.#launch!))
      await this.#signal(this.#launch!, SIGKILL);
  }

  /** The pod ends, or a second deletion shortens what the first allowed. */
  hasten(killAt: number): void {
    if (this.#record.state === 'starting') this.#hurry?.(0);
    if (this.#record.state !== 'stopping' || killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#hurry?.(killAt - this.#context.clock.now());
    if (this.#cancelKill) this.#armKill(this.#launch!);
  }

  async #preStop(hook: Hook, graceMs: number): Promise<void> {
    const result = await this.#unlessHurried(runHook(hook, this.#attempt(), graceMs));
    if (result && !result.ok)
      this.#event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`);
  }

  /** What the hook came to, or undefined when `hasten` left it no more time. */
  async #unlessHurried(hook: Promise<ProbeResult>): Promise<ProbeResult | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#hurry = (inMs) => void this.#context.clock.after(Math.max(0, inMs), () => resolve(undefined));
    const result = await Promise.race([hook, promise]);
    this.#hurry = undefined;
    return result;
  }

  #armKill(launch: ContainerLaunch): void {
    this.#cancelKill?.();
    const { clock } = this.#context;
    const kill = () => void this.#signal(launch, SIGKILL);
    this.#cancelKill = clock.after(Math.max(0, this.#killAt - clock.now()), kill);
  }

  async #signal(launch: ContainerLaunch, signal: number): Promise<void> {
    const { launcher, logger } = this.#context;
    await launcher.signal(launch.spec.id, signal).catch((error) => {
      logger.warn('signal not delivered', { id: launch.spec.id, signal, error });
    });
  }

  /** The process is gone, or never came to be. */
  async #ended(
    launch: ContainerLaunch,
    exitCode: number,
    why?: { reason: string; message: string },
  ): Promise<void> {
    const record = this.#record;
    const { terminationLog, spec } = launch;
    const { id, log = '' } = spec;
    if (!this.#context.exits.delete(id)) return;
    this.#probes?.stop();
    this.#cancelKill?.();
    this.#cancelKill = undefined;
    const finishedAt = this.#context.clock.now();
    const message =
      why?.message ?? (await terminationMessage({ container: record.spec, terminationLog, log, exitCode }));
    const termination: Termination = {
      exitCode,
      reason: why?.reason ?? this.#reasonOf(launch, exitCode),
      ...(message !== undefined ? { message } : {}),
      startedAt: record.startedAt!,
      finishedAt,
      id,
    };
    record.last = record.termination;
    record.termination = termination;
    record.state = 'terminated';
    record.started = false;
    record.ready = false;
    await removeFiles(launch, this.#context);
    this.#options.changed();
  }

  /** As containerd has it: whatever the exit code, where the kernel has killed any of its processes. */
  #reasonOf(launch: ContainerLaunch, exitCode: number): string {
    if (this.#oomKilled(launch)) return 'OOMKilled';
    return exitCode === 0 ? 'Completed' : 'Error';
  }

  #oomKilled({ spec }: ContainerLaunch): boolean {
    return this.#context.cgroups.oomKills(spec.cgroup) > 0;
  }

  #place(): ContainerPlace {
    return { context: this.#context, pod: this.#options.pod(), record: this.#record };
  }

  #attempt(): AttemptContext {
    const { podRecord } = this.#options;
    return {
      context: this.#context,
      launch: this.#launch!,
      container: this.#record.spec,
      podIp: podRecord.ips[0] ?? '',
      startedAt: this.#record.startedAt!,
    };
  }

  #graceMs(): number {
    const pod = this.#options.pod();
    return (pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  #event(type: EventText['type'], reason: string, message: string): void {
    this.#options.event({ type, reason, message }, this.#record.name);
  }
}

const titles: Record<ProbeKind, string> = {
  startup: 'Startup',
  liveness: 'Liveness',
  readiness: 'Readiness',
};
