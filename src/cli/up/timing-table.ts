/** `up --timings` */
import type { Timing } from '../../lab/server/control-protocol.ts';
import { formatTable } from '../output/table.ts';

/** Steps overlap: the sum is more than the whole. The whole is this process' age. */
export function formatTimings(timings: readonly Timing[]): string {
  const rows = timings.map(({ what, tookMs }) => [what, `${tookMs.toFixed(0)} ms`]);
  return formatTable(['STEP', 'TOOK'], [...rows, ['in all', `${performance.now().toFixed(0)} ms`]]);
}
