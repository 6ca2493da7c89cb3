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

const firstRetryMs = 20;

/**
 * When to ask next. A container that has never been ready is asked between the regular times too, at growing
 * distances: "While a container is not Ready, the ReadinessProbe may be executed at times other than the configured
 * periodSeconds interval" (the API's documentation). Else a server that listens 30 ms late is ready a period late.
 */
export class ProbeSchedule {
  /** On the monotonic clock, ms. */
  next: number;
  /** False for an attempt between two regular ones. */
  isRegular = true;
  readonly #timing: ProbeTiming;
  #regular: number;
  #periodMs: number;
  /** The distance to the next attempt in between; undefined where there are none. */
  #retryMs: number | undefined;

  constructor(kind: ProbeKind, timing: ProbeTiming, now: number) {
    this.#timing = timing;
    this.#periodMs = timing.firstPeriodMs;
    this.#retryMs = kind === 'readiness' ? firstRetryMs : undefined;
    this.#regular = now + this.#periodMs;
    this.next = now;
  }

  /** After an attempt. */
  advance(outcome: Outcome): void {
    if (outcome === 'success') {
      this.#periodMs = this.#timing.periodMs;
      this.#retryMs = undefined;
    }
    const from = this.next;
    if (from >= this.#regular) this.#regular = from + this.#periodMs;
    const early = from + (this.#retryMs ?? Number.POSITIVE_INFINITY);
    this.isRegular = early >= this.#regular;
    this.next = this.isRegular ? this.#regular : early;
    if (this.#retryMs !== undefined) this.#retryMs *= 2;
  }
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
