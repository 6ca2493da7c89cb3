/** Keeps EndpointSlices equal to Endpoints that are not made by a controller. */
import { keyOf } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { EndpointSlice } from '../../../kube/types.ts';
import { applySlices } from '../endpointslice/apply-slices.ts';
import { managedByLabel, serviceNameLabel } from '../endpointslice/plan.ts';
import { type Controller, type ControllerContext, keyedController } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { managedBy, planMirror } from './plan.ts';

const byEndpoints = 'endpoints';

export function endpointSliceMirroringController(context: ControllerContext): Controller {
  const { informers, clock } = context;
  const endpoints = informers.store(resources.endpoints);
  const services = informers.store(resources.services);
  const slices = informers.store(resources.endpointSlices);
  const expectations = new Expectations(clock);
  slices.addIndex(byEndpoints, (slice) => endpointsKeyOf(slice) ?? []);

  const { controller, queue } = keyedController(context, {
    name: 'endpointslicemirroring-controller',
    async sync(key) {
      if (!expectations.satisfied(key)) return;
      const plan = planMirror(endpoints.get(key), services.get(key), slices.byIndex(byEndpoints, key));
      await applySlices(context, plan, { key, expectations });
    },
  });

  endpoints.onChange(({ old, new: now }) => queue.add(keyOf((now ?? old)!)));
  services.onChange(({ old, new: now }) => queue.add(keyOf((now ?? old)!)));
  slices.onChange(({ old, new: now }) => {
    for (const key of endpointsKeyOf((now ?? old)!) ?? []) {
      if (old === undefined) expectations.creationSeen(key);
      queue.add(key);
    }
  });
  return controller;
}

/** None for slices that others manage. */
function endpointsKeyOf({ metadata }: EndpointSlice): [string] | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  if (name === undefined || metadata.labels?.[managedByLabel] !== managedBy) return undefined;
  return [keyOf({ metadata: { namespace: metadata.namespace, name } })];
}
