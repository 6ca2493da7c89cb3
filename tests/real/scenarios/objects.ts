/** Manifests of scenarios as the real cluster takes them: its own nodes' names, and images that are on the nodes already. Pure. */
import { parseManifests } from '../../../src/cli/manifests/parser.ts';
import type { KubeObject } from '../../../src/kube/meta.ts';

/** The control plane's node is the third: it is tainted, and a pod gets there by `nodeName` alone. */
const nodeNames: Record<string, string> = { 'node-1': 'n1', 'node-2': 'n2', 'node-3': 'n0' };

/** In the order of node-1, node-2 and node-3. */
export const realNodeNames: readonly string[] = Object.values(nodeNames);

/** The word itself where it names no node. */
export const realWord = (word: string): string => nodeNames[word] ?? word;

/** @throws TendrilError where it is no manifest */
export function realObjects(manifest: string): KubeObject[] {
  return parseManifests(manifest, 'manifest').map(({ object }) => rewritten(object) as KubeObject);
}

function rewritten(value: unknown): unknown {
  if (typeof value === 'string') return realWord(value);
  if (Array.isArray(value)) return value.map(rewritten);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, rewritten(inner)] as const);
  const object = Object.fromEntries(
    entries.map(([key, inner]) => [key, isContainerList(key, inner) ? inner.map(withoutPull) : inner]),
  );
  return object;
}

const isContainerList = (key: string, value: unknown): value is object[] =>
  (key === 'containers' || key === 'initContainers') && Array.isArray(value);

/** There is no registry. */
const withoutPull = (container: object): object => ({ ...container, imagePullPolicy: 'Never' });

export const textOf = (objects: readonly KubeObject[]): string =>
  objects.map((object) => JSON.stringify(object)).join('\n---\n');

/** Options of `tendril up` that say nothing of the network, with whether a value follows. */
const taken: Record<string, boolean> = { '--nodes': true, '--no-wait': false, '--fast-probes': false };

export interface UpOptions {
  /** How many of the nodes the scenario knows. */
  nodes: number;
  wait: boolean;
}

/** @throws Error for an option that is a lab's alone */
export function upOptions(args: readonly string[]): UpOptions {
  for (let i = 0; i < args.length; i++) {
    const hasValue = taken[args[i]!];
    if (hasValue === undefined) throw new Error(`${args[i]} is an option of labs: this runs on a lab alone`);
    if (hasValue) i++;
  }
  const count = args.includes('--nodes') ? Number(args[args.indexOf('--nodes') + 1]) : realNodeNames.length;
  if (count > realNodeNames.length)
    throw new Error(`${count} nodes: the real cluster has ${realNodeNames.length}`);
  return { nodes: count, wait: !args.includes('--no-wait') };
}
