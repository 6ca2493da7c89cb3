/**
 * Somebody else's control plane in place of the lab's: the same client, stores and kubeconfigs, and beside them the
 * ways between it and the fabric.
 *
 *     nodes, pods ──► relay ──► API server ──► kubelets' own servers
 *                                   ├──► egress ──► Services, pods, where it is set to go that way
 *                                   └──► those of the lab's controllers that nobody else runs
 */
import { createHttpClient, type HttpClient } from '../../kube/client/http-client.ts';
import { createInformers, type Informers } from '../../kube/client/informers.ts';
import { resources } from '../../kube/resources.ts';
import { systemClock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { kubeconfigOf } from '../apiserver/pki/kubeconfig.ts';
import { type ControllerGroup, startControllers } from '../controllers/controllers.ts';
import { startEgress } from '../external/egress.ts';
import { addressOf, type ExternalApiServer } from '../external/external-api-server.ts';
import { ensureIdentities, keepAgentToken } from '../external/identities.ts';
import { startKubeletServers } from '../external/kubelet-servers.ts';
import { startRelay } from '../external/relay.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';
import { type ControlPlane, writeAdminKubeconfig } from './control-plane.ts';
import { hostText } from './host-text.ts';

/** Where pods find their ServiceAccount's. */
const podToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** Whoever allocates pod CIDRs to nodes has done so by then. */
const cidrGraceMs = 5_000;

export async function joinControlPlane(
  config: LabConfig,
  paths: LabPaths,
  { external, logger }: { external: ExternalApiServer; logger: Logger },
): Promise<ControlPlane> {
  const { endpoint } = external;
  const client = createHttpClient(endpoint);
  writeAdminKubeconfig(paths.kubeconfig, kubeconfigOf(endpoint, `tendril-${config.name}`));
  const relay = await startRelay(config, paths, external);
  await ensureIdentities(client, config.name);
  const stopToken = await keepAgentToken({ client, file: paths.agentToken, clock: systemClock, logger });
  const informers = createInformers({ client, logger });
  const labRuns = new Set<ControllerGroup>();
  const stopControllers = startMissing(config, { external, client, informers, labRuns, logger });
  informers.start();
  const stops: (() => unknown)[] = [];
  const kubeconfigFor = (tokenFile: string) =>
    kubeconfigOf({ ...onFabric(config, external), tokenFile }, `tendril-${config.name}`);
  return {
    client,
    informers,
    labRuns,
    nodeKubeconfig: () => kubeconfigFor(paths.agentToken),
    dnsKubeconfig: kubeconfigFor(podToken),
    servePods: async ({ logs, streams, connect }) => {
      const { root } = paths;
      const { clientCa, egressSocket } = external;
      stops.push(await startKubeletServers(config, { root, clientCa, client, answers: { logs, streams } }));
      if (egressSocket === undefined) return;
      stops.push(
        await startEgress({
          file: egressSocket,
          nodeIps: config.nodes.flatMap(({ ips }) => ips),
          services: informers.store(resources.services),
          slices: informers.store(resources.endpointSlices),
          connect,
        }),
      );
    },
    stop: async () => {
      stopControllers();
      stopToken();
      for (const stop of stops) await stop();
      relay.close();
      await informers.stop();
      client.close();
    },
  };
}

/** The API server as it is reached from the fabric: under another address, with the certificate that it has. */
function onFabric(
  { apiServerIps, apiServerPort }: LabConfig,
  { endpoint }: ExternalApiServer,
): { server: string; ca?: string; insecure?: boolean; serverName: string } {
  const { ca, insecure, serverName = addressOf(endpoint).host } = endpoint;
  const { protocol } = new URL(endpoint.server);
  return { server: `${protocol}//${hostText(apiServerIps[0]!)}:${apiServerPort}`, ca, insecure, serverName };
}

interface Missing {
  external: ExternalApiServer;
  client: HttpClient;
  informers: Informers;
  /** Filled with those that run. */
  labRuns: Set<ControllerGroup>;
  logger: Logger;
}

/** Those controllers that nobody runs there; what it gives ends them. */
function startMissing(
  config: LabConfig,
  { external, client, informers, labRuns, logger }: Missing,
): () => void {
  const stops: (() => unknown)[] = [];
  const run = (only: readonly ControllerGroup[]) => {
    if (only.length === 0) return;
    logger.info("the lab's controllers run", { only });
    for (const group of only) labRuns.add(group);
    stops.push(startControllers({ client, informers, podCidrs: config.podCidrs, only, logger }).stop);
  };
  const { controllers, scheduler } = external.runs;
  run([
    ...(controllers ? (['node-cidr', 'workloads'] as const) : []),
    ...(scheduler ? ['scheduler' as const] : []),
  ]);
  if (!controllers) stops.push(runUnlessAllocated(informers, () => run(['node-cidr'])));
  return () => {
    for (const stop of stops) stop();
  };
}

/** Only the nodes tell whether their controller manager allocates: it is an option of its own. */
function runUnlessAllocated(informers: Informers, run: () => void): () => void {
  const nodes = informers.store(resources.nodes);
  const look = () => {
    if (nodes.list().some(({ spec }) => !spec?.podCIDRs?.length)) run();
  };
  return systemClock.after(cidrGraceMs, look);
}
