/** When a probe runs and what its results mean: pure. Defaults are those of the API. */
import type { Probe } from '../../../kube/types.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';
export type Outcome = 'success' | 'failure';

export interface ProbeTiming {
  initialDelayMs: number;
  periodMs: number;
  /** The period until the first success. */
  firstPeriodMs: number;
  timeoutMs: number;
  successThreshold: number;
  failureThreshold: number;
}

const fastPeriodMs = 1000;

/**
 * The probe's times. `fast` takes delays away and lets a container become ready sooner; what a startup probe allows a
 * container in all stays the same, and so does the period of a liveness probe.
 */
export function probeTiming(kind: ProbeKind, probe: Probe, fast: boolean): ProbeTiming {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const firstPeriodMs = fast && kind !== 'liveness' ? Math.min(periodMs, fastPeriodMs) : periodMs;
  const failures = probe.failureThreshold ?? 3;
  return {
    initialDelayMs: fast ? 0 : (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs,
    firstPeriodMs,
    timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: kind === 'startup' ? Math.ceil((failures * periodMs) / firstPeriodMs) : failures,
  };
}

/** Counts results in a row; a verdict comes when a threshold is reached. */
export class ProbeTally {
  readonly #timing: ProbeTiming;
  #last: Outcome | undefined;
  #run = 0;

  constructor(timing: ProbeTiming) {
    this.#timing = timing;
  }

  /** The outcome once it has come often enough in a row, else undefined. */
  note(outcome: Outcome): Outcome | undefined {
    this.#run = outcome === this.#last ? this.#run + 1 : 1;
    this.#last = outcome;
    const threshold = outcome === 'success' ? this.#timing.successThreshold : this.#timing.failureThreshold;
    return this.#run >= threshold ? outcome : undefined;
  }
}
