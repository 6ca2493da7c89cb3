/**
 * What nodes are given as pod CIDRs must be of the lab's own. The cluster's --cluster-cidr cannot be asked for: it shows
 * in what kube-controller-manager gives to the lab's nodes, which is compared before anything of them counts as up.
 */
import type { Informers } from '../../kube/client/informers.ts';
import { resources } from '../../kube/resources.ts';
import type { Node } from '../../kube/types.ts';
import { cidrContains, parseCidr, tryParseCidr } from '../../net/cidr.ts';
import { TendrilError } from '../../util/errors.ts';
import type { LabConfig } from '../topology/lab-config.ts';

/** Undefined while a node has none, and where they fit: one in each of the lab's. Pure. */
export function podCidrProblem({ metadata, spec }: Node, podCidrs: readonly string[]): string | undefined {
  const given = spec?.podCIDRs ?? [];
  if (given.length === 0) return undefined;
  const lab = podCidrs.map((text) => parseCidr(text));
  const blocks = given.flatMap((text) => tryParseCidr(text) ?? []);
  const fits =
    blocks.length === lab.length &&
    lab.every((cidr) => blocks.some(({ ip, prefix }) => prefix >= cidr.prefix && cidrContains(cidr, ip)));
  if (fits) return undefined;
  return `the cluster gives ${metadata.name} the pod CIDRs ${given.join(',')}, and the lab's are ${podCidrs.join(',')}`;
}

/**
 * Resolves when every node of the lab has fitting ones, or after the time.
 * @throws TendrilError BAD_INPUT as soon as one does not fit
 */
export function untilPodCidrsFit(
  { nodes, podCidrs }: Pick<LabConfig, 'nodes' | 'podCidrs'>,
  informers: Informers,
  timeoutMs: number,
): Promise<void> {
  const store = informers.store(resources.nodes);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = () => {
    const known = nodes.flatMap(({ name }) => store.get(name) ?? []);
    const problem = known.map((node) => podCidrProblem(node, podCidrs)).find((text) => text !== undefined);
    if (problem !== undefined)
      reject(
        new TendrilError('BAD_INPUT', problem, {
          remedy: "Give --pod-cidr what kube-controller-manager's --cluster-cidr is.",
        }),
      );
    if (nodes.every(({ name }) => store.get(name)?.spec?.podCIDRs?.length)) resolve();
  };
  const timer = setTimeout(resolve, timeoutMs);
  const stop = store.onChange(look);
  look();
  return promise.finally(() => {
    clearTimeout(timer);
    stop();
  });
}
