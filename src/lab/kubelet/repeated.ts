/** A round of work that is done again and again. */
import type { Clock } from '../../util/clock.ts';

/** Runs rounds, the first after `restMs(0)`, each so long after the one before it has ended. The function ends it. */
export function repeated(
  round: () => Promise<void>,
  { clock, restMs }: { clock: Clock; restMs: (tookMs: number) => number },
): () => void {
  let stopped = false;
  let cancel = clock.after(restMs(0), run);
  function run(): void {
    const from = clock.monotonic();
    void round().finally(() => {
      if (!stopped) cancel = clock.after(restMs(clock.monotonic() - from), run);
    });
  }
  return () => {
    stopped = true;
    cancel();
  };
}
