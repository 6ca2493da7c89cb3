/** The way from a command to a cluster that is no lab: by its kubeconfig. */
import { isIP } from 'node:net';
import { clientOf, type HttpClient } from '../../kube/client/http-client.ts';
import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { createTransport, type Transport } from '../../kube/client/transport.ts';
import { isError, TendrilError } from '../../util/errors.ts';
import { clusterAgents } from './cluster-agents.ts';
import { askOnce } from './discovery.ts';
import { pluginRunner } from './plugin-runner.ts';
import type { ClusterSession } from './session.ts';

export interface ClusterChoice {
  kubeconfig: string | undefined;
  context: string | undefined;
}

/** Whether a command that has the lab as its default is told of another one. */
export const isCluster = ({ kubeconfig, context }: ClusterChoice): boolean =>
  kubeconfig !== undefined || context !== undefined;

/** @throws TendrilError BAD_INPUT for a kubeconfig that cannot be used; API_UNREACHABLE, API (401) from its first question */
export async function openClusterSession(choice: ClusterChoice): Promise<ClusterSession> {
  const { api, namespace } = await reach(choice);
  return {
    ...{ kind: 'cluster', api, namespace: namespace ?? 'default' },
    discovery: askOnce(api),
    agents: clusterAgents(api),
    [Symbol.dispose]: () => api.close(),
  };
}

/** For what changes a whole cluster, until Ctrl-C. */
export interface ClusterChange extends Disposable {
  client: HttpClient;
  /** Aborted by SIGINT and SIGTERM: what was begun is to be cleaned up. A second one ends the process. */
  signal: AbortSignal;
}

/** Throws as openClusterSession. */
export async function openCluster(choice: ClusterChoice): Promise<ClusterChange> {
  const client = clientOf((await reach(choice)).api);
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(130);
    process.stderr.write('\ncleaning up; once more to leave at once\n');
    stop.abort(new Error(signal));
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  return {
    client,
    signal: stop.signal,
    [Symbol.dispose]: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
      client.close();
    },
  };
}

interface Reached {
  api: Transport;
  namespace: string | undefined;
}

async function reach({ kubeconfig, context }: ClusterChoice): Promise<Reached> {
  const endpoint = await loadKubeconfig(kubeconfig, {
    ...(context !== undefined && { context }),
    plugins: pluginRunner,
  });
  const api = createTransport(endpoint);
  try {
    await api.send({ method: 'GET', path: '/version' });
    return { api, namespace: endpoint.namespace };
  } catch (error) {
    api.close();
    throw isError(error, 'API_UNREACHABLE') ? unreachable(endpoint.server, error) : error;
  }
}

function unreachable(server: string, cause: unknown): TendrilError {
  const { hostname } = new URL(server);
  const name = isIP(hostname.replace(/^\[|\]$/g, '')) ? 'address' : 'name';
  return new TendrilError('API_UNREACHABLE', `the API server at ${server} does not answer`, {
    cause,
    remedy: `See whether its ${name} and port are right, and whether it can be reached from here: the kubeconfig says so; --context chooses another one.`,
  });
}
