/** The agent's process: the real kernel and API, signals, and the end. */
import { FastPath } from '../dns/fastpath/fast-path.ts';
import { createHttpClient } from '../kube/client/http-client.ts';
import { loadKubeconfig } from '../kube/client/kubeconfig.ts';
import { kernelBpf } from '../linux/bpf/kernel-bpf.ts';
import { netnsCookieAt } from '../linux/bpf/netns-cookie.ts';
import { translatedConnections } from '../linux/conntrack/conntrack.ts';
import { requireFeatures } from '../linux/features/features.ts';
import { countIpvsConnections } from '../linux/ipvs/ipvs.ts';
import { returnFreeMemory } from '../linux/memory.ts';
import { openRouteNetlink } from '../linux/netlink/kernel-route-netlink.ts';
import { watchRoutes } from '../linux/netlink/route-watch.ts';
import { warmThreads } from '../linux/netns/netns.ts';
import { nftProgram } from '../linux/nftables/nft-program.ts';
import { SockDiag, socketStates } from '../linux/sock-diag/sock-diag.ts';
import { EbpfPolicyEngine } from '../policy/engines/ebpf/ebpf-engine.ts';
import { createServiceProxy } from '../service/service-proxy.ts';
import { keepHeapSmall } from '../util/heap.ts';
import { createLogger } from '../util/logger.ts';
import { type AgentConfig, validateAgentConfig } from './config.ts';

import { startAgent } from './wiring.ts';

/** Without these nothing works; the datapath has other ways where newer ones are missing. */
const needed = [
  'cgroup2',
  'bpffs',
  'cgroup-sock-addr',
  'clsact',
  'so-netns-cookie',
  'nf-tables',
  'veth',
] as const;

/**
 * Runs the agent until SIGTERM or SIGINT; gives the exit status. The datapath outlives it.
 * @throws TendrilError naming what the node or the configuration lacks
 */
export async function runAgent(given: AgentConfig): Promise<number> {
  const config = validateAgentConfig(given);
  keepHeapSmall();
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  warmThreads();
  await requireFeatures(needed);
  const logger = createLogger({ fields: { node: config.nodeName } });
  const endpoint = { ...(await loadKubeconfig(config.kubeconfig)), alternatives: config.apiServers };
  const client = createHttpClient(endpoint, {
    onFailover: ({ from, to, error }) =>
      logger.warn('an API server does not answer, going on with another one', { from, to, error }),
  });
  using netlink = openRouteNetlink();
  const agent = await startAgent(config, {
    client,
    netlink,
    watchRoutes,
    createServiceProxy,
    podNetnsCookie: netnsCookieAt,
    nftables: nftProgram,
    otherProxy: {
      translated: () => translatedConnections(),
      viaIpvs: countIpvsConnections,
      listening: listeningPorts,
    },
    createPolicyEngine: (map) => new EbpfPolicyEngine(map),
    openFastPath: (options) => new FastPath({ bpf: kernelBpf, ...options }),
    logger,
  });
  // Reading everything once took buffers that are not needed again.
  const ready = agent.ready().then(returnFreeMemory);
  // Who supervises the agent starts it again, later and later: a full disk may have room by then.
  const failed = new Promise<Error>((resolve) => ready.catch(resolve));
  const end = await Promise.race([ended, failed]);
  if (end instanceof Error) logger.error('the node cannot be made ready', { error: end });
  else logger.info('agent ends', { signal: end });
  await agent.stop();
  client.close();
  return end instanceof Error ? 1 : 0;
}

function listeningPorts(): number[] {
  using sockets = new SockDiag();
  return sockets.list('TCP', 1 << socketStates.LISTEN).map(({ local }) => local.port);
}
