/**
 * Has the node's agent wire no more pods, or do so again: while it holds, a pod that is to start waits, and one that is
 * deleted is unwired as ever. The runtime tries again by itself, so that nothing is lost.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { holdPodsPath } from '../agent/pod/pod-config.ts';

export async function holdPods({ hold }: { hold: boolean }): Promise<{ held: boolean }> {
  if (hold) {
    mkdirSync(dirname(holdPodsPath), { recursive: true });
    writeFileSync(holdPodsPath, 'Tendril is being removed from this node');
  } else rmSync(holdPodsPath, { force: true });
  return { held: hold };
}
