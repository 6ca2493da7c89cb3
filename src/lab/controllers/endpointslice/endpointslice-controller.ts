/** Keeps EndpointSlices (and Endpoints) equal to the pods that Services select. */
import { deepEqual } from '../../../kube/deep-equal.ts';
import { keyOf } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import { compileSimpleSelector, type LabelPredicate } from '../../../kube/selectors.ts';
import type { EndpointSlice, Pod, Service } from '../../../kube/types.ts';
import { type Controller, type ControllerContext, keyedController } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { applySlices } from './apply-slices.ts';
import { createEndpointsWriter } from './endpoints-writer.ts';
import { managedBy, managedByLabel, planSlices, type ServiceState, serviceNameLabel } from './plan.ts';
import { TriggerTimes } from './trigger-time.ts';

const byService = 'service';
const byNamespace = 'namespace';

export function endpointSliceController(context: ControllerContext): Controller {
  const { informers, clock } = context;
  const services = informers.store(resources.services);
  const pods = informers.store(resources.pods);
  const nodes = informers.store(resources.nodes);
  const slices = informers.store(resources.endpointSlices);
  const expectations = new Expectations(clock);
  const endpoints = createEndpointsWriter(context.client);
  const triggerTimes = new TriggerTimes();
  services.addIndex(byNamespace, (service) => [service.metadata.namespace ?? '']);
  pods.addIndex(byNamespace, (pod) => [pod.metadata.namespace ?? '']);
  pods.addIndex('node', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  slices.addIndex(byService, (slice) => [serviceKeyOf(slice) ?? '']);

  const { controller, queue } = keyedController(context, {
    name: 'endpointslice-controller',
    async sync(key) {
      const service = services.get(key);
      if (service === undefined) {
        expectations.forget(key);
        triggerTimes.forget(key);
        await endpoints.remove(key);
        return;
      }
      if (!selects(service) || !expectations.satisfied(key)) return;
      const matches = selectorOf(service);
      const selected = pods
        .byIndex(byNamespace, service.metadata.namespace ?? '')
        .filter((pod) => matches(pod.metadata.labels));
      const state: ServiceState = {
        service,
        pods: selected,
        triggerTime: triggerTimes.next(service, selected),
        node: (name) => nodes.get(name),
        slices: slices.byIndex(byService, key),
      };
      await applySlices(context, planSlices(state), { key, expectations });
      await endpoints.write(state);
    },
  });

  const servicesOf = (...versions: (Pod | undefined)[]) => {
    const namespace = versions.find((pod) => pod !== undefined)?.metadata.namespace ?? '';
    for (const service of services.byIndex(byNamespace, namespace)) {
      const matches = selectorOf(service);
      if (versions.some((pod) => pod !== undefined && matches(pod.metadata.labels)))
        queue.add(keyOf(service));
    }
  };
  services.onChange(({ old, new: now }) => queue.add(keyOf((now ?? old)!)));
  pods.onChange(({ old, new: now }) => {
    if (old === undefined || now === undefined || matters(old, now)) servicesOf(old, now);
  });
  nodes.onChange(({ old, new: now }) => {
    const zone = 'topology.kubernetes.io/zone';
    if (old?.metadata.labels?.[zone] === now?.metadata.labels?.[zone]) return;
    for (const pod of pods.byIndex('node', (now ?? old)!.metadata.name)) servicesOf(pod);
  });
  slices.onChange(({ old, new: now }) => {
    const key = serviceKeyOf((now ?? old)!);
    if (key === undefined) return;
    if (old === undefined) expectations.creationSeen(key);
    queue.add(key);
  });
  return controller;
}

/** Of a pod's many changes, those that a Service can see. */
function matters(old: Pod, now: Pod): boolean {
  const seen = ({ metadata, spec, status }: Pod) => [
    metadata.labels,
    metadata.deletionTimestamp,
    spec?.nodeName,
    status?.phase,
    status?.podIPs,
    status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  ];
  return !deepEqual(seen(old), seen(now));
}

/** The Service whose slice of this controller it is; undefined for slices that others manage. */
function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  if (name === undefined || metadata.labels?.[managedByLabel] !== managedBy) return undefined;
  return keyOf({ metadata: { namespace: metadata.namespace, name } });
}

function selects({ spec, metadata }: Service): boolean {
  const selected = Object.keys(spec?.selector ?? {}).length > 0;
  return selected && spec?.type !== 'ExternalName' && metadata.deletionTimestamp === undefined;
}

const selectors = new WeakMap<Service, LabelPredicate>();

function selectorOf(service: Service): LabelPredicate {
  let selector = selectors.get(service);
  if (selector === undefined) {
    selector = compileSimpleSelector(service.spec?.selector);
    selectors.set(service, selector);
  }
  return selector;
}
