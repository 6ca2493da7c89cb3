/**
 * When a container that ended may start again. Kubernetes' rule: the first restart is at once, later ones wait
 * 10 s, 20 s, … 5 min after the container's end; after 10 minutes without a restart the count begins anew
 * (kubelet's `doBackOff` over client-go's `flowcontrol.Backoff`).
 */
const initialMs = 10_000;
const maxMs = 300_000;
const forgottenAfterMs = 2 * maxMs;

export class RestartBackoff {
  #delayMs: number | undefined;
  #updatedAt = 0;

  /** The time before which a container that ended at `finishedAt` must not start; in the past when it may. */
  dueAt(finishedAt: number): number {
    if (this.#delayMs === undefined || this.#isForgotten(finishedAt)) return finishedAt;
    return finishedAt + this.#delayMs;
  }

  /** The present delay, in ms: what the message of CrashLoopBackOff says. */
  get delayMs(): number {
    return this.#delayMs ?? 0;
  }

  /** Notes a restart at `now` of a container that ended at `finishedAt`. */
  restarted(finishedAt: number, now: number): void {
    const anew = this.#delayMs === undefined || this.#isForgotten(finishedAt);
    this.#delayMs = anew ? initialMs : Math.min(this.#delayMs! * 2, maxMs);
    this.#updatedAt = now;
  }

  #isForgotten(at: number): boolean {
    return at - this.#updatedAt > forgottenAfterMs;
  }
}
