/** What a resolver asks for a name, in its order, and what each question gets. */

import { serveChain } from '../../dns/chain.ts';
import { recordTypes } from '../../dns/message/constants.ts';
import { newQuery } from '../../dns/message/message.ts';
import { canonicalName } from '../../dns/message/name.ts';
import { dataText, typeName } from '../../dns/message/record-text.ts';
import { kubernetesPlugin } from '../../dns/plugins/kubernetes/kubernetes.ts';
import type { ZoneLookup } from '../../dns/plugins/kubernetes/zone-lookup.ts';

export interface SearchStep {
  question: string;
  type: string;
  /** Who answers: the plugin `kubernetes`, or, with `forward`, a server elsewhere. */
  by: 'kubernetes' | 'forward';
  /** The outcome in a word, and why. */
  outcome: 'answered' | 'NODATA' | 'NXDOMAIN' | 'elsewhere';
  why: string;
  records: string[];
}

export interface ResolverSettings {
  searches: readonly string[];
  ndots: number;
}

/** The names that glibc's resolver tries, in its order (resolv.conf(5)): a name with a final dot is tried as it is. */
export function searchOrder(name: string, { searches, ndots }: ResolverSettings): string[] {
  if (name.endsWith('.')) return [canonicalName(name)];
  const own = canonicalName(name);
  const searched = searches.map((domain) => `${own}.${canonicalName(domain)}`);
  return own.split('.').length - 1 >= ndots ? [own, ...searched] : [...searched, own];
}

/** Asks each name until one has an answer. */
export async function searchSteps(
  lookup: ZoneLookup,
  names: readonly string[],
  type: keyof typeof recordTypes,
): Promise<SearchStep[]> {
  const steps: SearchStep[] = [];
  for (const name of names) {
    const step = await askStep(lookup, name, type);
    steps.push(step);
    if (step.outcome === 'answered') break;
  }
  return steps;
}

async function askStep(
  lookup: ZoneLookup,
  name: string,
  type: keyof typeof recordTypes,
): Promise<SearchStep> {
  const zone = lookup.zoneOf(name);
  if (zone === undefined)
    return {
      question: name,
      type,
      by: 'forward',
      outcome: 'elsewhere',
      why: 'not below the cluster zone: the servers that it is forwarded to know',
      records: [],
    };
  const reply = await serveChain([kubernetesPlugin({ lookup })], {
    message: newQuery(1, { name, type: recordTypes[type] }),
    name,
    type: recordTypes[type],
    transport: 'udp',
    client: { address: '', port: 0 },
  });
  const records =
    reply?.answers.map(({ name, ttl, data }) => `${name} ${ttl} ${typeName(data.type)} ${dataText(data)}`) ??
    [];
  const exists = lookup.find(name, zone) !== undefined;
  const outcome = records.length > 0 ? 'answered' : exists ? 'NODATA' : 'NXDOMAIN';
  return { question: name, type, by: 'kubernetes', outcome, why: reasonOf(lookup, name, zone), records };
}

/** Why a name of the zone has what it has. */
export function reasonOf(lookup: ZoneLookup, name: string, zone: string): string {
  if (name === zone) return 'the zone itself';
  const parts = lookup.parts(name.slice(0, -zone.length - 1), zone);
  if (parts === undefined) return 'no name of a Service or a pod looks like this';
  const { kind, namespace, service, endpoint, port } = parts;
  if (namespace === undefined)
    return `all of the cluster's ${kind === 'pod' ? 'pods' : 'Services'} are below`;
  if (!lookup.index.hasNamespace(namespace)) return `there is no namespace ${namespace}`;
  if (kind === 'pod') return 'the name is a pod address with dashes';
  if (service === undefined) return `Services of namespace ${namespace} are below`;
  const key = `${namespace}/${service}`;
  const found = lookup.index.local.service(key);
  if (found === undefined) return `there is no Service ${key}`;
  if (found.kind === 'alias') return `Service ${key} is another name for ${found.externalName}`;
  const ready = lookup.index.local.endpoints(key).flatMap(({ endpoints }) => endpoints);
  if (endpoint !== undefined)
    return ready.some(({ host }) => host === endpoint)
      ? `an endpoint of Service ${key}`
      : `Service ${key} has no ready endpoint ${endpoint}`;
  const what = port === undefined ? '' : `port ${port} of `;
  if (found.kind === 'headless')
    return `${what}headless Service ${key} with ${ready.length} ready endpoint(s)`;
  return `${what}Service ${key} with ClusterIP ${found.ips.join(', ')}`;
}
