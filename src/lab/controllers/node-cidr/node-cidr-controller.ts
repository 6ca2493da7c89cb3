/** Gives every node its pod CIDRs, one of each family, and takes them back when the node is deleted. */
import { resources } from '../../../kube/resources.ts';
import type { Node } from '../../../kube/types.ts';
import { describeError } from '../../../util/errors.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import { CidrSet } from './plan.ts';

const component = 'node-ipam-controller';

/** `podCidrs`: the cluster's, primary family first. */
export function nodeCidrController(context: ControllerContext, podCidrs: readonly string[]): Controller {
  const { client, informers, events } = context;
  const nodes = informers.store(resources.nodes);
  const sets = podCidrs.map((cidr) => new CidrSet(cidr));
  /** What was given to a node whose update has not come back yet. */
  const given = new Map<string, string[]>();

  const allocate = (): string[] => {
    const cidrs: string[] = [];
    try {
      for (const set of sets) cidrs.push(set.allocate());
    } catch (error) {
      release(cidrs);
      throw error;
    }
    return cidrs;
  };
  const release = (cidrs: readonly string[]) => {
    for (const cidr of cidrs) for (const set of sets) set.release(cidr);
  };

  const { controller, queue } = keyedController(context, {
    name: component,
    concurrency: 8,
    async sync(name) {
      const node = nodes.get(name);
      if (node === undefined || cidrsOf(node).length > 0) return;
      try {
        const cidrs = given.get(node.metadata.uid) ?? allocate();
        given.set(node.metadata.uid, cidrs);
        const body = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } };
        await unlessGone(
          client.patch(resources.nodes, { name }, { type: 'application/merge-patch+json', body }),
        );
      } catch (error) {
        const message = `Node ${name} status is now: CIDRNotAvailable: ${describeError(error)}`;
        events.record(node, { type: 'Normal', reason: 'CIDRNotAvailable', message, component });
        throw error;
      }
    },
  });

  nodes.onChange(({ old, new: now }) => {
    if (now === undefined) {
      const { uid } = old!.metadata;
      release([...cidrsOf(old!), ...(given.get(uid) ?? [])]);
      given.delete(uid);
    } else if (cidrsOf(now).length > 0) {
      given.delete(now.metadata.uid);
      for (const cidr of cidrsOf(now)) for (const set of sets) set.occupy(cidr);
    } else {
      queue.add(now.metadata.name);
    }
  });
  return controller;
}

function cidrsOf(node: Node): string[] {
  const { podCIDR, podCIDRs } = node.spec ?? {};
  return podCIDRs ?? (podCIDR ? [podCIDR] : []);
}
