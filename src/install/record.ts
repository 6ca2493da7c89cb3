/**
 * What an installation remembers, in ConfigMaps beside its agents: what it found and replaced, so that it can be given
 * back, and the values that it was made with, so that an upgrade need not be told them again.
 */
import { agentNamespace } from '../deploy/values.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import { TendrilError } from '../util/errors.ts';
import { absent, ensureObject } from './cluster-objects.ts';
import type { FoundDns } from './dns-plan.ts';
import type { Workload } from './preflight/cluster-view.ts';
import type { Values } from './values.ts';

export interface Found {
  /** Sent away by a node selector that fits no node. */
  kubeProxy?: Workload;
  /** Who answered cluster DNS. */
  dns?: FoundDns;
  /** By node the files of other networks that were put aside. */
  conflists: Record<string, string[]>;
}

export interface Installation {
  /** Of Tendril. */
  version: string;
  values: Values;
}

const foundName = 'tendril-found';
const installName = 'tendril-install';

export async function readFound(client: KubeClient): Promise<Found> {
  return (await read<Found>(client, foundName, 'found.json')) ?? { conflists: {} };
}

export async function writeFound(client: KubeClient, found: Found): Promise<void> {
  await write(client, foundName, { 'found.json': found });
}

/** Undefined where `tendril install` was never here. */
export async function readInstallation(client: KubeClient): Promise<Installation | undefined> {
  return await read<Installation>(client, installName, 'install.json');
}

export async function writeInstallation(client: KubeClient, installation: Installation): Promise<void> {
  await write(client, installName, { 'install.json': installation });
}

async function read<T>(client: KubeClient, name: string, file: string): Promise<T | undefined> {
  const map = await client.get(resources.configMaps, { namespace: agentNamespace, name }).catch(absent);
  const text = map?.data?.[file];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', `the ConfigMap ${agentNamespace}/${name} cannot be read`, {
      ...{ cause, remedy: `Mend its ${file}, or delete it: what it records is then not given back.` },
    });
  }
}

async function write(client: KubeClient, name: string, files: Record<string, unknown>): Promise<void> {
  const data = Object.entries(files).map(([file, value]) => [file, `${JSON.stringify(value, null, 2)}\n`]);
  const metadata = { name, namespace: agentNamespace, labels: { 'app.kubernetes.io/name': 'tendril' } };
  await ensureObject(client, {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata },
    ...({ data: Object.fromEntries(data) } as object),
  });
}
