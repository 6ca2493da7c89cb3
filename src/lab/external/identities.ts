/**
 * Whom the API server takes the lab's agents and its DNS for: two ServiceAccounts with what each reads and writes,
 * as a DaemonSet's would be. Agents, which are no pods, get the account's token in a file that is kept fresh.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { isAlreadyExists } from '../../kube/client/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { nodePolicy } from '../apiserver/auth/bootstrap-policy.ts';
import { labLabel } from './external-api-server.ts';

const namespace = 'kube-system';
const rbac = 'rbac.authorization.k8s.io';
const account = 'tendril-agent';
export const dnsAccount = 'tendril-dns';

/** An object that is made where it is not there, and the collection it is made in. */
export interface OwnObject {
  path: string;
  body: { apiVersion: string; kind: string; metadata: { name: string } } & Record<string, unknown>;
}

/** Everything that both need, in the order in which it is made. Pure. */
export function identityObjects(lab: string): OwnObject[] {
  const labels = { [labLabel]: lab };
  const accounts = [account, dnsAccount].map((name) => ({
    path: `/api/v1/namespaces/${namespace}/serviceaccounts`,
    body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } },
  }));
  const cluster = (kind: string, rest: object) => ({
    path: `/apis/${rbac}/v1/${kind.toLowerCase()}s`,
    body: { apiVersion: `${rbac}/v1`, kind, metadata: { name: account, labels }, ...rest },
  });
  return [
    ...accounts,
    cluster('ClusterRole', { rules: nodePolicy }),
    cluster('ClusterRoleBinding', {
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: account },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    }),
  ];
}

/** Those that are there already stay. */
export async function ensureIdentities(client: Pick<KubeClient, 'request'>, lab: string): Promise<void> {
  for (const { path, body } of identityObjects(lab)) {
    try {
      await client.request('POST', path, body);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

export interface AgentTokenOptions {
  client: Pick<KubeClient, 'request'>;
  file: string;
  clock: Clock;
  logger: Logger;
}

const askedSeconds = 24 * 3600;
/** Of its lifetime: as kubelets do. */
const renewedAfter = 0.8;
const retryMs = 5_000;

/** Resolves when the file has a token; what it gives ends its renewal. */
export async function keepAgentToken(options: AgentTokenOptions): Promise<() => void> {
  const { clock, logger } = options;
  let cancel: () => void = () => {};
  let stopped = false;
  const again = (ms: number) => {
    if (!stopped) cancel = clock.after(ms, () => void renew());
  };
  const renew = async () => {
    try {
      again(await writeToken(options));
    } catch (error) {
      logger.warn("the agents' token is not renewed, will be tried again", { error });
      again(retryMs);
    }
  };
  again(await writeToken(options));
  return () => {
    stopped = true;
    cancel();
  };
}

/** After how many ms it is to be asked for again. */
async function writeToken({ client, file, clock }: AgentTokenOptions): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
  const spec = { expirationSeconds: askedSeconds };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
  const { status } = (await client.request('POST', path, body)) as {
    status: { token: string; expirationTimestamp: string };
  };
  writeFileSync(`${file}.new`, status.token, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return Math.max(0, (Date.parse(status.expirationTimestamp) - clock.now()) * renewedAfter);
}
