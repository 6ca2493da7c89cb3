/** Quality of service class, by requests and limits of cpu and memory of all containers. */
import type { Pod } from '../../kube/types.ts';

type QosClass = 'BestEffort' | 'Burstable' | 'Guaranteed';
const counted = ['cpu', 'memory'] as const;

export function qosClass(pod: Pod): QosClass {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(
    (c) => c.resources ?? {},
  );
  const requests = (r: (typeof all)[number], name: string) => r.requests?.[name] ?? r.limits?.[name];
  const some = all.some((r) => counted.some((name) => isSet(requests(r, name)) || isSet(r.limits?.[name])));
  if (!some) return 'BestEffort';
  const guaranteed = all.every((r) =>
    counted.every(
      (name) => isSet(r.limits?.[name]) && String(requests(r, name)) === String(r.limits?.[name]),
    ),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function isSet(quantity: string | number | undefined): boolean {
  return quantity !== undefined && Number.parseFloat(String(quantity)) !== 0;
}
