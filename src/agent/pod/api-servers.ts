/**
 * Where the API server is, before any Service works: what the settings say, else where this node's kubelet finds it, else
 * where it was last, else the kubernetes Service, which answers on nodes where somebody serves it.
 */
import { describeError, isError, TendrilError } from '../../util/errors.ts';
import { isServer } from '../config.ts';

export interface ApiServerSources {
  /** By the settings. */
  told: readonly string[];
  /** Of the kubelet's kubeconfig. */
  kubelet?: string;
  /** That answered an earlier agent. */
  remembered?: string;
  environment: Record<string, string | undefined>;
}

/** In the order in which they are tried, each once. */
export function candidateServers({ told, kubelet, remembered, environment }: ApiServerSources): string[] {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const service = host ? [`https://${host.includes(':') ? `[${host}]` : host}:${port}`] : [];
  const own = told.length > 0 ? told : [...(kubelet ? [kubelet] : []), ...(remembered ? [remembered] : [])];
  return [...new Set([...own, ...service])];
}

/** Of a kubeconfig, only the address; undefined where it has none, or is being written just now. */
export async function serverOf(kubeconfig: string): Promise<string | undefined> {
  const isJson = kubeconfig.trimStart().startsWith('{');
  try {
    const { clusters } = isJson
      ? JSON.parse(kubeconfig)
      : (await import('../../util/yaml.ts')).parse(kubeconfig);
    const server = clusters[0].cluster.server;
    return isServer(server) ? server : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The first that gives what is asked, with its answer.
 * @throws TendrilError API_UNREACHABLE where none answers at all; else what the last one that did said
 */
export async function askServers<T>(
  servers: readonly string[],
  ask: (server: string) => Promise<T>,
): Promise<{ server: string; answer: T }> {
  const errors: { server: string; error: unknown }[] = [];
  for (const server of servers) {
    try {
      return { server, answer: await ask(server) };
    } catch (error) {
      errors.push({ server, error });
    }
  }
  const refused = errors.findLast(({ error }) => !isError(error, 'API_UNREACHABLE'));
  if (refused !== undefined) throw refused.error;
  const tried = errors.map(({ server, error }) => `${server} (${describeError(error)})`).join(', ');
  throw new TendrilError('API_UNREACHABLE', `no API server answers: ${tried || 'none is known'}`, {
    remedy: "Set `apiServers` in the agent's settings to addresses that nodes reach without Services.",
  });
}
