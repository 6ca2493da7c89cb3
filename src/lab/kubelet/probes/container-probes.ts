/** The probes of one running container: each a loop of its own, from the container's start to its end. */
import type { Probe } from '../../../kube/types.ts';
import { type Clock, longestTimerMs } from '../../../util/clock.ts';
import type { ProbeResult } from './http-probe.ts';
import {
  type Outcome,
  type ProbeKind,
  ProbeSchedule,
  ProbeTally,
  type ProbeTiming,
  probeTiming,
} from './probe-plan.ts';

export interface ContainerProbesOptions {
  probes: Partial<Record<ProbeKind, Probe>>;
  startedAt: number;
  fast: boolean;
  clock: Clock;
  /** One attempt; what it throws is a failure. */
  attempt: (probe: Probe, timeoutMs: number) => Promise<ProbeResult>;
  /** A threshold was reached. Told again and again while it stays so. */
  onVerdict: (kind: ProbeKind, outcome: Outcome, message: string) => void;
  /** Every failed attempt, apart from those between two regular ones. */
  onFailure: (kind: ProbeKind, message: string) => void;
}

export class ContainerProbes {
  readonly #options: ContainerProbesOptions;
  readonly #ended = new AbortController();

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
  }

  /** Liveness and readiness wait for the startup probe's success. */
  start(): void {
    void this.#run('startup').then((goesOn) => {
      if (!goesOn) return;
      void this.#run('liveness');
      void this.#run('readiness');
    });
  }

  stop(): void {
    this.#ended.abort();
  }

  /** True when it may go on: there is no such probe, or the startup probe has succeeded. */
  async #run(kind: ProbeKind): Promise<boolean> {
    const { probes, fast, startedAt, clock } = this.#options;
    const probe = probes[kind];
    if (probe === undefined) return true;
    const timing = probeTiming(kind, probe, fast);
    try {
      await this.#sleep(startedAt + timing.initialDelayMs - clock.now());
      return await this.#repeat(kind, probe, timing);
    } catch (error) {
      if (this.#ended.signal.aborted) return false;
      throw error;
    }
  }

  async #repeat(kind: ProbeKind, probe: Probe, timing: ProbeTiming): Promise<boolean> {
    const { clock, onVerdict } = this.#options;
    const tally = new ProbeTally(timing);
    const schedule = new ProbeSchedule(kind, timing, clock.monotonic());
    for (;;) {
      await this.#sleep(schedule.next - clock.monotonic());
      const { outcome, message } = await this.#once(probe, timing);
      if (this.#ended.signal.aborted) return false;
      if (outcome === 'failure' && schedule.isRegular) this.#options.onFailure(kind, message);
      schedule.advance(outcome);
      const verdict = tally.note(outcome);
      if (verdict === undefined) continue;
      onVerdict(kind, verdict, message);
      // The container will be killed, or has started: either way this probe is over.
      if (kind === 'startup') return verdict === 'success';
      if (kind === 'liveness' && verdict === 'failure') return false;
    }
  }

  async #once(probe: Probe, timing: ProbeTiming): Promise<{ outcome: Outcome; message: string }> {
    const { ok, message } = await this.#options
      .attempt(probe, Math.min(timing.timeoutMs, longestTimerMs))
      .catch((error: Error) => ({ ok: false, message: error.message }));
    return { outcome: ok ? 'success' : 'failure', message };
  }

  async #sleep(ms: number): Promise<void> {
    this.#ended.signal.throwIfAborted();
    if (ms > 0) await this.#options.clock.sleep(ms, this.#ended.signal);
  }
}
