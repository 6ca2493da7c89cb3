/**
 * Takes what a lab made on an external API server away: its nodes with their pods and leases, cluster DNS, and whom
 * its agents were taken for. Only what has the lab's label goes; what was there before stays.
 */
import { readFileSync } from 'node:fs';
import { isNotFound } from '../../kube/client/api-error.ts';
import { createHttpClient } from '../../kube/client/http-client.ts';
import { parseKubeconfig } from '../../kube/client/kubeconfig.ts';
import type { KubeObject } from '../../kube/meta.ts';
import { resourcePath, resources } from '../../kube/resources.ts';
import { describeError, TendrilError } from '../../util/errors.ts';
import { labLabel } from './external-api-server.ts';

const requestTimeoutMs = 15_000;
/** Of all requests together: one that answers each of them slowly keeps no lab on this machine either. */
const leaveTimeoutMs = 45_000;

type Client = Pick<ReturnType<typeof createHttpClient>, 'list' | 'request'>;

/** Collections that a lab makes objects in, before its nodes. */
const collections = [
  '/apis/apps/v1/namespaces/kube-system/daemonsets',
  '/api/v1/namespaces/kube-system/services',
  '/api/v1/namespaces/kube-system/secrets',
  '/api/v1/namespaces/kube-system/serviceaccounts',
  '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  '/apis/rbac.authorization.k8s.io/v1/clusterroles',
];

/** Nothing where it succeeds; else what stays there, and how it goes. */
export async function leaveCluster(
  lab: string,
  kubeconfig: string,
  { timeoutMs = leaveTimeoutMs } = {},
): Promise<string | undefined> {
  let server = kubeconfig;
  try {
    const endpoint = await parseKubeconfig(readFileSync(kubeconfig, 'utf8'));
    server = endpoint.server;
    const client = createHttpClient(endpoint, { requestTimeoutMs });
    try {
      await inTime(removeOwn(client, lab), timeoutMs);
    } finally {
      client.close();
    }
  } catch (error) {
    return (
      `nodes and cluster DNS of the lab stay at the API server at ${server}: ${describeError(error)}. ` +
      `Remove them: kubectl delete nodes,clusterroles,clusterrolebindings -l ${labLabel}=${lab}; ` +
      `kubectl -n kube-system delete daemonsets,services,secrets,serviceaccounts -l ${labLabel}=${lab}`
    );
  }
  return undefined;
}

async function inTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = () => reject(new TendrilError('API_UNREACHABLE', `not done within ${timeoutMs / 1000} s`));
  const timer = setTimeout(late, timeoutMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** By any client. Rejects as it does. */
export async function removeOwn(client: Client, lab: string): Promise<void> {
  const selector = `labelSelector=${encodeURIComponent(`${labLabel}=${lab}`)}`;
  for (const path of collections) {
    const { items } = (await client.request('GET', `${path}?${selector}`)) as { items: KubeObject[] };
    for (const { metadata } of items) await remove(client, `${path}/${metadata.name}`);
  }
  const { items: nodes } = await client.list(resources.nodes, { labelSelector: `${labLabel}=${lab}` });
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  for (const name of names) {
    await remove(client, resourcePath(resources.nodes, { name }));
    await remove(client, resourcePath(resources.leases, { namespace: 'kube-node-lease', name }));
  }
  const { items: pods } = await client.list(resources.pods);
  const own = pods.filter((pod) => names.has(pod.spec?.nodeName ?? ''));
  for (let i = 0; i < own.length; i += podsAtOnce) {
    const some = own.slice(i, i + podsAtOnce);
    await Promise.all(some.map(({ metadata }) => removePod(client, metadata as { name: string })));
  }
}

const podsAtOnce = 20;

/** At once: no kubelet is left that could end it. */
async function removePod(client: Client, key: { name: string }): Promise<void> {
  await remove(client, resourcePath(resources.pods, key), { gracePeriodSeconds: 0 });
}

async function remove(client: Client, path: string, options: object = {}): Promise<void> {
  try {
    await client.request('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', ...options });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
