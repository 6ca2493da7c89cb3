/** The way from a command to a running lab: its configuration, its paths and its API. */

import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { createTransport, type Transport } from '../../kube/client/transport.ts';
import { type LabConfig, type LabPaths, labPaths } from '../../lab/topology/lab-config.ts';
import { labsDirectory, requireLabConfig } from '../../lab/topology/lab-state.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { type Discovery, discover } from './discovery.ts';

export interface LabSession extends Disposable {
  readonly config: LabConfig;
  readonly paths: LabPaths;
  readonly api: Transport;
  /** Asked of the server once. */
  discovery(): Promise<Discovery>;
}

/** @throws TendrilError LAB_MISSING */
export async function openLab(name: string): Promise<LabSession> {
  const config = requireLabConfig(name);
  const paths = labPaths(name, { base: labsDirectory, cgroupMount: cgroupMount() });
  const api = createTransport(await loadKubeconfig(paths.kubeconfig));
  let discovery: Promise<Discovery> | undefined;
  return {
    config,
    paths,
    api,
    discovery: () => {
      discovery ??= discover(api);
      return discovery;
    },
    [Symbol.dispose]: () => api.close(),
  };
}
