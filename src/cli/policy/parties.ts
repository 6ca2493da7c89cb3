/** Whom a user means with the words of `tendril policy test`. Pure. */
import { keyOf } from '../../kube/meta.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../kube/types.ts';
import { canonicalIp } from '../../net/ip.ts';
import { type Protocol, protocolNumbers } from '../../net/protocol.ts';
import { newestFirst } from '../../policy/model/age.ts';
import { stayingContainers } from '../../policy/model/identity.ts';
import { TendrilError } from '../../util/errors.ts';

/** Somebody that sends or receives. */
export interface Party {
  /** `namespace/name` of a pod, or an address. */
  name: string;
  /** Absent for an address that is no pod's, and for a pod that has its node's network. */
  pod?: string;
  /** Of a pod, or whose address it is. */
  node?: string;
  ips: readonly string[];
}

export interface PortChoice {
  protocol: Protocol;
  port: number;
}

export interface Receiver extends PortChoice {
  party: Party;
}

/** What there is. */
export interface Known {
  pods: readonly Pod[];
  nodes: readonly Node[];
}

export type Word =
  | { kind: 'pod' | 'service'; namespace: string; name: string }
  | { kind: 'address'; ip: string };

/**
 * `POD`, `NAMESPACE/POD`, an address, or `service/NAME` and `service/NAMESPACE/NAME`.
 * @throws TendrilError USAGE
 */
export function parseWord(text: string, namespace: string): Word {
  const ip = canonicalIp(text);
  if (ip !== undefined) return { kind: 'address', ip };
  const parts = text.split('/');
  const kind = parts.length > 1 ? kinds.get(parts[0]!) : undefined;
  if (kind !== undefined) parts.shift();
  const [name, place = namespace, ...more] = parts.reverse();
  if (!name || !place || more.length > 0)
    throw new TendrilError('USAGE', `"${text}" is no pod, no address and no service/NAME`);
  return { kind: kind ?? 'pod', namespace: place, name };
}

const kinds = new Map<string, 'pod' | 'service'>([
  ...['pod', 'pods', 'po'].map((word) => [word, 'pod'] as const),
  ...['service', 'services', 'svc'].map((word) => [word, 'service'] as const),
]);

/** @throws TendrilError USAGE */
export function parsePort(text: string): PortChoice {
  const [, digits = '', word = 'tcp'] = /^(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
  const port = Number(digits);
  const protocol = word.toUpperCase();
  if (digits === '' || port < 1 || port > 65_535 || !Object.hasOwn(protocolNumbers, protocol))
    throw new TendrilError('USAGE', `--port ${text} is no port, such as 80, 53/udp or 9/sctp`);
  return { protocol: protocol as Protocol, port };
}

/** @throws TendrilError BAD_INPUT for a pod that there is not, NOT_READY for one without an address, or that has ended */
export function podParty(known: Known, name: string): Party {
  const pod = known.pods.find((one) => keyOf(one) === name);
  if (pod === undefined)
    throw new TendrilError('BAD_INPUT', `there is no pod ${name}`, { remedy: 'See which there are: tendril get pods -A' }); // biome-ignore format: one line
  const { nodeName: node, hostNetwork } = pod.spec ?? {};
  const ips = addressesOf(pod);
  const remedy = `See why: tendril get pod ${pod.metadata.name} -n ${pod.metadata.namespace} -o yaml`;
  if (hasEnded(pod)) throw new TendrilError('NOT_READY', `pod ${name} has ended`, { remedy });
  if (ips.length === 0 || node === undefined)
    throw new TendrilError('NOT_READY', `pod ${name} has no address yet`, { remedy });
  return { name, ...(!hostNetwork && { pod: name }), node, ips };
}

/** Whoever has the address: of several pods that claim it the newest, as for policies. */
export function addressParty(known: Known, ip: string): Party {
  const has = (texts: readonly string[]) => texts.some((text) => canonicalIp(text) === ip);
  const [pod] = known.pods
    .filter((one) => !one.spec?.hostNetwork && !hasEnded(one) && has(addressesOf(one)))
    .sort(newestFirst);
  if (pod !== undefined)
    return { name: ip, pod: keyOf(pod), ips: [ip], ...(pod.spec?.nodeName && { node: pod.spec.nodeName }) };
  const node = known.nodes.find(({ status }) => has((status?.addresses ?? []).map(({ address }) => address)));
  return { name: ip, ips: [ip], ...(node && { node: node.metadata.name }) };
}

const addressesOf = ({ status }: Pod): string[] => (status?.podIPs ?? []).map(({ ip }) => ip);
/** Its packets are over, and its address may be another's. */
export const hasEnded = ({ status }: Pod): boolean => ['Succeeded', 'Failed'].includes(status?.phase ?? '');

/** The one port that its containers declare. @throws TendrilError USAGE where there is not one */
export function onlyPort(known: Known, party: Party): PortChoice {
  const pod = known.pods.find((one) => keyOf(one) === party.pod);
  const ports = stayingContainers(pod?.spec).flatMap((container) => container.ports ?? []);
  return chosen(
    ports.map(({ containerPort, protocol = 'TCP' }) => ({ port: containerPort, protocol })),
    party.name,
  );
}

function chosen(ports: readonly PortChoice[], name: string): PortChoice {
  if (ports.length === 1) return ports[0]!;
  const list = ports.map(({ port, protocol }) => `${port}/${protocol.toLowerCase()}`).join(', ');
  const which = ports.length === 0 ? `${name} declares none` : `${name} has ${list}`;
  throw new TendrilError('USAGE', `which port? ${which}`, { remedy: 'Choose one with --port.' });
}

/** The Service that answers at the address: policies do not see it, but the endpoints that connections go to. */
export function serviceAt(services: readonly Service[], ip: string): Service | undefined {
  return services.find(({ spec, status }) =>
    [
      ...[...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? [])],
      ...(status?.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip ?? ''),
    ].some((text) => canonicalIp(text) === ip),
  );
}

/** Of the address's family, to which connections keep. */
export function slicesFor(ip: string, slices: readonly EndpointSlice[]): EndpointSlice[] {
  return slices.filter(({ addressType }) => addressType === (ip.includes(':') ? 'IPv6' : 'IPv4'));
}

/**
 * Whom connections to a port of the Service go to: its endpoints that are ready, by their own addresses and ports.
 * @throws TendrilError BAD_INPUT for a port that it has not, and for an ExternalName; NOT_READY where there is no endpoint
 */
export function serviceReceivers(
  service: Service,
  slices: readonly EndpointSlice[],
  { known, wanted }: { known: Known; wanted: PortChoice | undefined },
): Receiver[] {
  const name = `service ${keyOf(service)}`;
  const { type, externalName } = service.spec ?? {};
  if (type === 'ExternalName')
    throw new TendrilError('BAD_INPUT', `${name} is another name of ${externalName}`, {
      remedy: 'Try an address that it has.',
    });
  const ports = (service.spec?.ports ?? []).map((one) => ({ ...one, protocol: one.protocol ?? 'TCP' }));
  const { port, protocol } = wanted ?? chosen(ports, name);
  const found = ports.find((one) => one.port === port && one.protocol === protocol);
  if (found === undefined) {
    const list = ports.map((one) => `${one.port}/${one.protocol.toLowerCase()}`).join(', ');
    throw new TendrilError('BAD_INPUT', `${name} has no port ${port}/${protocol.toLowerCase()}; it has ${list || 'none'}`); // biome-ignore format: one line
  }
  const receivers = slices.flatMap((slice) => {
    const at = slice.ports?.find(
      (one) => (one.name ?? '') === (found.name ?? '') && one.protocol === protocol,
    );
    if (at?.port === undefined) return [];
    return (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.slice(0, 1))
      .map((ip) => ({ protocol, port: at.port!, party: addressParty(known, canonicalIp(ip) ?? ip) }));
  });
  if (receivers.length === 0)
    throw new TendrilError('NOT_READY', `${name} has no ready endpoint at port ${port}`, {
      remedy: `See why: tendril get endpointslices,pods -n ${service.metadata.namespace}`,
    });
  return joined(receivers);
}

/** A pod that is there in both families is one. */
function joined(receivers: readonly Receiver[]): Receiver[] {
  const byPod = new Map<string, Receiver>();
  for (const receiver of receivers) {
    const { party, port } = receiver;
    const key = `${party.pod ?? party.name} ${port}`;
    const ips = [...(byPod.get(key)?.party.ips ?? []), ...party.ips];
    byPod.set(key, { ...receiver, party: { ...party, name: party.pod ?? party.name, ips } });
  }
  return [...byPod.values()];
}
