/**
 * Asks an API server whether a lab can be made of it, before anything is made: does it answer, whom does it take us
 * for, is it new enough, are the nodes' names free, which Service addresses has it, and which controllers run.
 */
import { ApiError, isNotFound } from '../../kube/client/api-error.ts';
import { createHttpClient } from '../../kube/client/http-client.ts';
import type { ApiEndpoint } from '../../kube/client/kubeconfig.ts';
import { resources } from '../../kube/resources.ts';
import type { Lease } from '../../kube/types.ts';
import { isError, TendrilError } from '../../util/errors.ts';
import type { ExternalApiServer } from './external-api-server.ts';

/** The first that has ServiceCIDR objects in networking.k8s.io/v1. */
const oldestMinor = 33;
const requestTimeoutMs = 10_000;

/** Who runs controllers and scheduler: `auto` looks at the leases that they hold. */
export type ControllerChoice = 'auto' | 'lab' | 'external';

export interface ProbedCluster {
  server: ExternalApiServer;
  /** Of the cluster's ServiceCIDR objects, primary first. */
  serviceCidrs: string[];
  nodes: string[];
}

export type Reader = Pick<ReturnType<typeof createHttpClient>, 'get' | 'list' | 'request'>;

/** @throws TendrilError API_UNREACHABLE; BAD_INPUT where it refuses us, or is too old */
export async function probeExternal(
  endpoint: ApiEndpoint,
  controllers: ControllerChoice,
): Promise<ProbedCluster> {
  const client = createHttpClient(endpoint, { requestTimeoutMs });
  try {
    return await probe(client, endpoint, controllers);
  } catch (error) {
    throw explain(error, endpoint.server);
  } finally {
    client.close();
  }
}

/** The same by any client. */
export async function probe(
  client: Reader,
  endpoint: ApiEndpoint,
  controllers: ControllerChoice,
): Promise<ProbedCluster> {
  const version = await supportedVersion(client, endpoint.server);
  await requireAdministrator(client, endpoint.server);
  const [serviceCidrs, advertised, clientCa, runs, nodes] = await Promise.all([
    serviceCidrsOf(client),
    advertisedBy(client),
    clientCaOf(client),
    runsOf(client, controllers),
    client.list(resources.nodes),
  ]);
  return {
    server: { endpoint, version, advertised, clientCa, runs },
    serviceCidrs,
    nodes: nodes.items.map(({ metadata }) => metadata.name),
  };
}

/** @throws TendrilError BAD_INPUT where a node of the lab's names is there */
export function requireFreeNames(existing: readonly string[], wanted: readonly string[]): void {
  const taken = wanted.filter((name) => existing.includes(name));
  if (taken.length === 0) return;
  throw new TendrilError('BAD_INPUT', `the cluster has nodes of these names already: ${taken.join(', ')}`, {
    remedy: `If no machine is behind them, delete them: kubectl delete node ${taken.join(' ')}`,
  });
}

async function supportedVersion(client: Reader, server: string): Promise<string> {
  const { gitVersion = '' } = ((await client.request('GET', '/version')) ?? {}) as { gitVersion?: string };
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  if (major === undefined)
    throw new TendrilError('BAD_INPUT', `what answers at ${server} is no Kubernetes API server`, {
      remedy: 'Check the server of the kubeconfig.',
    });
  if (Number(major) > 1 || Number(minor) >= oldestMinor) return gitVersion;
  throw new TendrilError(
    'BAD_INPUT',
    `the API server at ${server} is ${gitVersion}; a lab needs v1.${oldestMinor} or newer`,
    { remedy: `Use a newer one: it says which Service addresses there are only from v1.${oldestMinor} on.` },
  );
}

const everything = { verb: '*', group: '*', resource: '*' };

/** A lab registers nodes, writes their pods' statuses and gives tokens: nobody but an administrator may. */
async function requireAdministrator(client: Reader, server: string): Promise<void> {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: everything },
  };
  const { status } = (await client.request('POST', path, body)) as { status?: { allowed?: boolean } };
  if (status?.allowed) return;
  throw new TendrilError('BAD_INPUT', `the kubeconfig's user may not do everything at ${server}`, {
    remedy: 'Use one of an administrator: a lab registers nodes and writes what kubelets write.',
  });
}

interface ServiceCidr {
  metadata: { name: string };
  spec: { cidrs: string[] };
}

async function serviceCidrsOf(client: Reader): Promise<string[]> {
  const path = '/apis/networking.k8s.io/v1/servicecidrs/kubernetes';
  return ((await client.request('GET', path)) as ServiceCidr).spec.cidrs;
}

async function advertisedBy(client: Reader): Promise<ExternalApiServer['advertised']> {
  const slice = await client.get(resources.endpointSlices, { namespace: 'default', name: 'kubernetes' });
  const port = slice.ports?.[0]?.port ?? 6443;
  return (slice.endpoints ?? []).flatMap(({ addresses }) => addresses.map((ip) => ({ ip, port })));
}

/** What kube-apiserver tells extension servers of itself: whose certificates it takes, its own among them. */
async function clientCaOf(client: Reader): Promise<string> {
  const key = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
  const { data } = await client.get(resources.configMaps, key);
  return data?.['client-ca-file'] ?? '';
}

async function runsOf(client: Reader, choice: ControllerChoice): Promise<ExternalApiServer['runs']> {
  if (choice !== 'auto') return { controllers: choice === 'lab', scheduler: choice === 'lab' };
  const [controllers, scheduler] = await Promise.all(
    ['kube-controller-manager', 'kube-scheduler'].map((name) => isHeld(client, name)),
  );
  return { controllers: !controllers, scheduler: !scheduler };
}

/** Whether somebody leads by that name: a lease that was not renewed in its time is nobody's. */
async function isHeld(client: Reader, name: string): Promise<boolean> {
  try {
    const { spec } = await client.get<Lease>(resources.leases, { namespace: 'kube-system', name });
    const until = Date.parse(String(spec?.renewTime ?? '')) + (spec?.leaseDurationSeconds ?? 0) * 1000;
    return Boolean(spec?.holderIdentity) && until > Date.now();
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** What to do about it, where the failure itself does not say. */
function explain(error: unknown, server: string): unknown {
  if (error instanceof ApiError && [401, 403].includes(error.status.code))
    return new TendrilError('BAD_INPUT', `the API server at ${server} does not take the kubeconfig's user`, {
      remedy: 'Check its certificate or token; try: kubectl --kubeconfig FILE auth whoami',
      cause: error,
    });
  if (isError(error, 'API_UNREACHABLE'))
    return new TendrilError('API_UNREACHABLE', `no lab on the API server at ${server}: it does not answer`, {
      remedy: 'Is it running, and is its certificate of the authority that the kubeconfig names?',
      cause: error,
    });
  return error;
}
