/** The configurations that adopt-pods put aside are given back: before Tendril's own goes, which is first among them. */
import { join } from 'node:path';
import { podPaths } from '../agent/pod/pod-config.ts';
import { giveConflistsBack } from './conflists.ts';

export interface RestoreConflistsReport {
  restored: string[];
}

export async function restoreConflists(
  { confDirectory = podPaths.cniConfDirectory }: { confDirectory?: string },
  { host }: { host: string },
): Promise<RestoreConflistsReport> {
  return { restored: giveConflistsBack(join(host, confDirectory)) };
}
