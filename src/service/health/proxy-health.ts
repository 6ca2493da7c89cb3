/**
 * Whether Services are kept up with, as kube-proxy tells it on /healthz and /livez (pkg/proxy/healthcheck,
 * ProxyHealthServer): unhealthy is who has a change since longer than the timeout and has not carried it out.
 */
import type { Family } from '../../net/ip.ts';
import type { Clock } from '../../util/clock.ts';

export interface FamilyHealth {
  lastUpdated: string;
  healthy: boolean;
}

/** The answer's body; times in RFC 3339, fields in kube-proxy's order. */
export interface HealthReport {
  lastUpdated: string;
  currentTime: string;
  /** Of /healthz alone. */
  nodeEligible?: boolean;
  healthy: boolean;
  /** Absent before the first update. */
  status?: Record<string, FamilyHealth>;
}

/** Twice kube-proxy's default sync period. */
const defaultTimeoutMs = 60_000;
/** What Go writes for a time that was never set. */
const never = '0001-01-01T00:00:00Z';

export interface ProxyHealthOptions {
  clock: Pick<Clock, 'now'>;
  families: readonly Family[];
  timeoutMs?: number;
}

export class ProxyHealth {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #timeoutMs: number;
  readonly #updated = new Map<Family, number>();
  readonly #queued = new Map<Family, number>();
  readonly #families: readonly Family[];

  constructor({ clock, families, timeoutMs = defaultTimeoutMs }: ProxyHealthOptions) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#families = families;
  }

  /** There is a change to carry out; of several that wait the oldest counts. */
  queued(families = this.#families): void {
    for (const family of families) if (!this.#queued.has(family)) this.#queued.set(family, this.#clock.now());
  }

  /** All changes until now are in the kernel. */
  updated(families = this.#families): void {
    for (const family of families) {
      this.#queued.delete(family);
      this.#updated.set(family, this.#clock.now());
    }
  }

  isHealthy(): boolean {
    return [...this.#updated.keys()].every((family) => this.#isInTime(family));
  }

  /** lastUpdated of who is healthy is now: what asks means "is it recent". */
  report(nodeEligible?: boolean): { ok: boolean; body: HealthReport } {
    const healthy = this.isHealthy();
    const ok = healthy && nodeEligible !== false;
    const now = time(this.#clock.now());
    const last = this.#updated.size > 0 ? time(Math.max(...this.#updated.values())) : never;
    const body: HealthReport = {
      lastUpdated: ok ? now : last,
      currentTime: now,
      ...(nodeEligible !== undefined && { nodeEligible }),
      healthy,
      ...(this.#updated.size > 0 && { status: this.#status() }),
    };
    return { ok, body };
  }

  #status(): Record<string, FamilyHealth> {
    const families = [...this.#updated].sort(([a], [b]) => a - b);
    return Object.fromEntries(
      families.map(([family, at]) => [
        `IPv${family}`,
        { lastUpdated: time(at), healthy: this.#isInTime(family) },
      ]),
    );
  }

  #isInTime(family: Family): boolean {
    const since = this.#queued.get(family);
    return since === undefined || this.#clock.now() - since < this.#timeoutMs;
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
