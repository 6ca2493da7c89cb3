/** Waits for the lab's nodes. */
import type { Informers } from '../../kube/client/informers.ts';
import { resources } from '../../kube/resources.ts';
import type { Node } from '../../kube/types.ts';
import type { LabConfig } from '../topology/lab-config.ts';

/** Resolves once every node is Ready and takes pods, or after the time. */
export function untilReady(
  { nodes }: Pick<LabConfig, 'nodes'>,
  informers: Informers,
  timeoutMs: number,
): Promise<void> {
  const store = informers.store(resources.nodes);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const look = () => {
      if (nodes.every(({ name }) => takesPods(store.get(name)))) end();
    };
    const timer = setTimeout(end, timeoutMs);
    const stop = store.onChange(look);
    look();
  });
}

/** Ready, and whoever watches over nodes has seen it: the taint is gone. Pure. */
export function takesPods(node: Node | undefined): boolean {
  const isTainted = node?.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/not-ready');
  const conditions = node?.status?.conditions ?? [];
  return !isTainted && conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
