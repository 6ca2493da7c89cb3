/** The resources that a pod asks its node for, and what it may have at most. Source: kubernetes component-helpers resource/helpers.go. */
import { parseQuantity } from './quantity.ts';
import type { Container, PodSpec } from './types.ts';

/** By resource name: cpu in thousandths of a core, anything else in its own unit. */
export type Amounts = ReadonlyMap<string, number>;

type Quantities = Record<string, string | number> | undefined;

export function amountsOf(quantities: Quantities): Amounts {
  const amounts = new Map<string, number>();
  for (const [resource, quantity] of Object.entries(quantities ?? {})) {
    const value = parseQuantity(quantity);
    amounts.set(resource, Math.ceil(resource === 'cpu' ? value * 1000 : value));
  }
  return amounts;
}

const requests = new WeakMap<object, Amounts>();

/** What runs at once: all containers with the sidecars, or one init container with the sidecars before it. */
export function podRequests(spec: PodSpec): Amounts {
  let amounts = requests.get(spec);
  if (amounts === undefined) {
    const overhead = amountsOf(spec.overhead as Quantities);
    amounts = combine(atOnce(spec, 'requests'), overhead, (a, b) => a + b);
    requests.set(spec, amounts);
  }
  return amounts;
}

/** Of what some container has a limit: the sum of those, as for requests. The pod's own limits are not looked at. */
export function podLimits(spec: PodSpec): Amounts {
  return atOnce(spec, 'limits');
}

function atOnce(spec: PodSpec, which: 'requests' | 'limits'): Amounts {
  const ofContainer = (container: Container) => amountsOf(container.resources?.[which] as Quantities);
  let sidecars: Amounts = new Map();
  let peak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = ofContainer(container);
    if (container.restartPolicy === 'Always') {
      sidecars = combine(sidecars, own, (a, b) => a + b);
      peak = combine(peak, sidecars, Math.max);
    } else {
      peak = combine(
        peak,
        combine(sidecars, own, (a, b) => a + b),
        Math.max,
      );
    }
  }
  const running = spec.containers
    .map(ofContainer)
    .reduce((sum, own) => combine(sum, own, (a, b) => a + b), sidecars);
  return combine(running, peak, Math.max);
}

function combine(a: Amounts, b: Amounts, with_: (a: number, b: number) => number): Amounts {
  const result = new Map(a);
  for (const [resource, value] of b) result.set(resource, with_(a.get(resource) ?? 0, value));
  return result;
}
