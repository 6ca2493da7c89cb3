/** The configurations that adopt-pods put aside are given back: before Tendril's own goes, which is first among them. */
import { join } from 'node:path';
import { podPaths, usedPlacesPath } from '../agent/pod/pod-config.ts';
import { recallUsedPlaces } from '../agent/pod/used-places.ts';
import { giveConflistsBack } from './conflists.ts';

export interface RestoreConflistsReport {
  restored: string[];
}

/** `confDirectory`: the one that the node's agent used, unless given. */
export async function restoreConflists(
  { confDirectory }: { confDirectory?: string },
  { host }: { host: string },
): Promise<RestoreConflistsReport> {
  const used = confDirectory ?? recallUsedPlaces(join(host, usedPlacesPath)).cniConfDirectory;
  return { restored: giveConflistsBack(join(host, used ?? podPaths.cniConfDirectory)) };
}
