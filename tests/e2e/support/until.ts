import { onRealCluster } from './test-cluster.ts';

/** A kubelet and a container runtime need longer for a pod than a lab does. */
export const usualMs = onRealCluster ? 60_000 : 30_000;

/** Waits for a condition by asking, every 50 ms, and for at most 30 s, on a real cluster 60 s, unless told otherwise. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = usualMs,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
