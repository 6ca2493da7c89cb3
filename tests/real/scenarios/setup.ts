/** Before all files of scenarios on a real cluster: the one that is kept, or one for all of them. */
import { existingOrNewCluster } from '../cluster/cluster.ts';

export default async function setup(): Promise<() => Promise<void>> {
  return (await existingOrNewCluster()).remove;
}
