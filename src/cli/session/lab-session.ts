/** The way from a command to a running lab: its configuration, its paths and its API. */

import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { createTransport } from '../../kube/client/transport.ts';
import { labPaths } from '../../lab/topology/lab-config.ts';
import { labsDirectory, requireLabConfig } from '../../lab/topology/lab-state.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { askOnce } from './discovery.ts';
import { labAgents } from './lab-agents.ts';
import type { LabSession } from './session.ts';

/** @throws TendrilError LAB_MISSING */
export async function openLab(name: string): Promise<LabSession> {
  const config = requireLabConfig(name);
  const paths = labPaths(name, { base: labsDirectory, cgroupMount: cgroupMount() });
  const endpoint = await loadKubeconfig(paths.kubeconfig);
  const api = createTransport(endpoint);
  return {
    ...{ kind: 'lab', config, paths, api },
    namespace: endpoint.namespace ?? 'default',
    discovery: askOnce(api),
    agents: labAgents(config, paths),
    [Symbol.dispose]: () => api.close(),
  };
}
