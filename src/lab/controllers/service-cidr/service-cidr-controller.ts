/** Says that ServiceCIDRs are Ready, and keeps those that Services' addresses are in (pkg/controller/servicecidrs). */
import { type Condition, findCondition, withCondition } from '../../../kube/conditions.ts';
import { resources } from '../../../kube/resources.ts';
import type { ServiceCidr } from '../../../kube/types.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import { timestamp } from '../runtime/event-recorder.ts';
import { holding, isAllocated, mayGo } from './plan.ts';

const type = resources.serviceCidrs;
const finalizer = 'networking.k8s.io/service-cidr-finalizer';
/** So that no address is given while who gives them does not know yet. */
const deletionGraceMs = 10_000;

const ready = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const terminating = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message:
    'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

export function serviceCidrController(context: ControllerContext): Controller {
  const { client, informers, clock } = context;
  const cidrs = informers.store(type);
  const addresses = informers.store(resources.ipAddresses);

  const say = async (cidr: ServiceCidr, wanted: Omit<Condition, 'lastTransitionTime'>) => {
    const conditions = cidr.status?.conditions as Condition[] | undefined;
    const now = findCondition(conditions, wanted.type);
    if (now?.status === wanted.status && now.reason === wanted.reason && now.message === wanted.message)
      return;
    const body = { status: { conditions: withCondition(conditions, timestamp(clock), wanted) } };
    await unlessGone(
      client.patch(type, cidr.metadata, {
        type: 'application/merge-patch+json',
        body,
        subresource: 'status',
      }),
    );
  };

  const setFinalizers = (cidr: ServiceCidr, finalizers: string[]) =>
    unlessGone(
      client.patch(type, cidr.metadata, {
        type: 'application/merge-patch+json',
        body: { metadata: { resourceVersion: cidr.metadata.resourceVersion, finalizers } },
      }),
    );

  const { controller, queue } = keyedController(context, {
    name: 'service-cidr-controller',
    async sync(name, queue) {
      const cidr = cidrs.get(name);
      if (cidr === undefined) return;
      const { deletionTimestamp, finalizers = [] } = cidr.metadata;
      const isKept = finalizers.includes(finalizer);
      if (deletionTimestamp === undefined) {
        if (!isKept) await setFinalizers(cidr, [...finalizers, finalizer]);
        return say(cidr, ready);
      }
      if (!mayGo(cidr, { all: cidrs.list(), addresses: addresses.list() })) return say(cidr, terminating);
      const left = Date.parse(deletionTimestamp) + deletionGraceMs - clock.now();
      if (left > 0) return queue.addAfter(name, left);
      if (isKept)
        await setFinalizers(
          cidr,
          finalizers.filter((f) => f !== finalizer),
        );
    },
  });

  // One that comes or goes may cover others, or leave them alone with their addresses.
  cidrs.onChange(({ old, new: now }) => {
    queue.add((now ?? old)!.metadata.name);
    if (old !== undefined && now !== undefined) return;
    for (const { metadata } of cidrs.list()) if (metadata.deletionTimestamp) queue.add(metadata.name);
  });
  addresses.onChange(({ old, new: now }) => {
    const address = (now ?? old)!;
    if (!isAllocated(address)) return;
    for (const { metadata } of holding(address.metadata.name, cidrs.list()))
      if (metadata.deletionTimestamp) queue.add(metadata.name);
  });
  return controller;
}
