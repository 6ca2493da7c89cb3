/** An API server that is there already and that a lab uses instead of its own: what `up` learns of it first. */
import type { ApiEndpoint } from '../../kube/client/kubeconfig.ts';

export interface ExternalApiServer {
  /** How the lab's server is believed there; files are read already, but for a token's. */
  endpoint: ApiEndpoint;
  version: string;
  /** Behind the `kubernetes` Service: where pods are sent. */
  advertised: { ip: string; port: number }[];
  /** PEM: who may be believed that asks a kubelet for logs and streams. */
  clientCa: string;
  /** What the lab runs because nobody else does. */
  runs: { controllers: boolean; scheduler: boolean };
  /** Unix socket by which it may reach Services and pods. */
  egressSocket?: string;
}

/** On each object that a lab made there, with the lab's name. */
export const labLabel = 'tendril.dev/lab';

/** The host and port of its URL, as a connection needs them. */
export function addressOf({ server }: ApiEndpoint): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
}
