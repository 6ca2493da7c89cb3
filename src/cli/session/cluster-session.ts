/** The way from a command to a cluster that is no lab: by its kubeconfig, until Ctrl-C. */
import { isIP } from 'node:net';
import { createHttpClient, type HttpClient } from '../../kube/client/http-client.ts';
import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { isError, TendrilError } from '../../util/errors.ts';

export interface ClusterSession extends Disposable {
  client: HttpClient;
  /** Aborted by SIGINT and SIGTERM: what was begun is to be cleaned up. A second one ends the process. */
  signal: AbortSignal;
}

export interface ClusterChoice {
  kubeconfig: string | undefined;
  context: string | undefined;
}

/** @throws TendrilError BAD_INPUT for a kubeconfig that cannot be used; API_UNREACHABLE, API (401) from its first question */
export async function openCluster({ kubeconfig, context }: ClusterChoice): Promise<ClusterSession> {
  const endpoint = await loadKubeconfig(kubeconfig, context === undefined ? {} : { context });
  const client = createHttpClient(endpoint);
  try {
    await client.request('GET', '/version');
  } catch (error) {
    client.close();
    throw isError(error, 'API_UNREACHABLE') ? unreachable(endpoint.server, error) : error;
  }
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

function unreachable(server: string, cause: unknown): TendrilError {
  const { hostname } = new URL(server);
  const name = isIP(hostname.replace(/^\[|\]$/g, '')) ? 'address' : 'name';
  return new TendrilError('API_UNREACHABLE', `the API server at ${server} does not answer`, {
    cause,
    remedy: `See whether its ${name} and port are right, and whether it can be reached from here: the kubeconfig says so; --context chooses another one.`,
  });
}
