/** Every node task by its name. Each is loaded only where it is run: who starts its pod needs the name alone. */
import { TendrilError } from '../util/errors.ts';
import type { NodeTask, NodeTaskEntry } from './node-task.ts';

/** A task declares what it takes and gives; between a pod's command line and its log it is JSON. */
const task = (load: () => Promise<NodeTask<never>>) => load as () => Promise<NodeTask>;

export const nodeTasks = {
  preflight: {
    doing: 'looking at the node',
    access: 'look',
    load: task(async () => (await import('./preflight/preflight.ts')).preflight),
  },
  attachments: {
    doing: 'asking the agent for its pods',
    access: 'look',
    load: task(async () => (await import('./attachments.ts')).attachments),
  },
  'hold-pods': {
    doing: 'holding new pods back',
    access: 'change',
    load: task(async () => (await import('./hold-pods.ts')).holdPods),
  },
  'adopt-pods': {
    doing: 'taking over the pods of another network plugin',
    access: 'look',
    load: task(async () => (await import('./adopt-pods.ts')).adoptPods),
  },
  'restore-conflists': {
    doing: 'giving back the configuration of another network plugin',
    access: 'look',
    load: task(async () => (await import('./restore-conflists.ts')).restoreConflists),
  },
  'remove-kube-proxy-rules': {
    doing: "removing kube-proxy's rules",
    access: 'look',
    load: task(async () => (await import('./remove-kube-proxy-rules.ts')).removeKubeProxyRules),
  },
  'remove-tendril': {
    doing: 'giving the node back',
    // Its directories are to go, not to be made.
    access: 'look',
    load: task(async () => (await import('./remove-tendril.ts')).removeTendril),
  },
} as const satisfies Record<string, NodeTaskEntry>;

export type NodeTaskName = keyof typeof nodeTasks;

/** @throws TendrilError USAGE */
export function nodeTask(name: string): NodeTaskEntry {
  if (Object.hasOwn(nodeTasks, name)) return nodeTasks[name as NodeTaskName];
  throw new TendrilError('USAGE', `there is no node task "${name}"`, {
    remedy: `There are: ${Object.keys(nodeTasks).join(', ')}.`,
  });
}
