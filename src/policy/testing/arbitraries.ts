/** Clusters and policies at random: of few names, so that much of it meets. */
import type { Namespace, NetworkPolicy, Pod } from '../../kube/types.ts';
import fc from '../../util/testing/properties.ts';
import { namespace, type PolicySpec, pod, policy } from './objects.ts';

export const namespaceNames = ['a', 'b', 'c'];
const localNames = ['a/l0', 'a/l1', 'b/l2', 'c/l3'];
const remoteNames = ['a/r0', 'a/r1', 'b/r2', 'b/r3', 'c/r4', 'd/r5'];
/** Of local pods nobody else has the addresses. */
const remoteAddresses = ['10.0.1.1', '10.0.1.2', '10.0.2.1', 'fd00::1:1', 'fd00::1:2', 'fd00::2:1'];
export const outsideAddresses = ['192.0.2.1', '192.0.2.130', '10.0.1.9', 'fd00::1:9', '2001:db8::1'];
export const portsTried = [0, 1, 53, 80, 81, 443, 8080, 8083, 65535];

const labels = fc.record(
  { app: fc.constantFrom('x', 'y'), tier: fc.constantFrom('1', '2') },
  { requiredKeys: [] },
);
const podPorts = fc.subarray(['web:80/TCP', 'web:8080/TCP', 'dns:53/UDP', 'dns:53/TCP', 'sig:80/SCTP'], {
  maxLength: 3,
});
const selector = fc.oneof(
  fc.constant({}),
  labels.map((matchLabels) => ({ matchLabels })),
  fc.record({
    matchExpressions: fc.array(
      fc.oneof(
        fc.record({
          key: fc.constantFrom('app', 'tier', 'kubernetes.io/metadata.name'),
          operator: fc.constantFrom('In' as const, 'NotIn' as const),
          values: fc.subarray(['x', 'y', '1', 'a', 'b'], { minLength: 1, maxLength: 2 }),
        }),
        fc.record({
          key: fc.constantFrom('app', 'tier'),
          operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
        }),
      ),
      { minLength: 1, maxLength: 2 },
    ),
  }),
);

const ipBlocks: { cidr: string; except?: string[] }[] = [
  { cidr: '0.0.0.0/0' },
  { cidr: '::/0' },
  { cidr: '::/0', except: ['fd00::1:0/112'] },
  { cidr: '::/64' },
  { cidr: '10.0.0.0/8', except: ['10.0.1.0/24'] },
  { cidr: '10.0.1.0/24', except: ['10.0.1.2/32', '10.0.1.8/29'] },
  { cidr: '10.0.1.0/31' },
  { cidr: '10.0.1.0/24' },
  { cidr: '10.0.1.1/32' },
  { cidr: '::ffff:10.0.1.0/120' },
  { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '192.0.2.128/25'] },
  { cidr: '192.0.2.0/24', except: ['192.0.2.0/25'] },
  { cidr: 'fd00::/16', except: ['fd00::1:0/112'] },
  { cidr: 'fd00::1:0/112' },
  { cidr: '2001:db8::/32' },
];
const ipBlock = fc.constantFrom(...ipBlocks);
const peer = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  selector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: selector, namespaceSelector: selector }),
  { weight: 2, arbitrary: ipBlock.map((block) => ({ ipBlock: block })) },
);
const protocol = fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const);
const port = fc.oneof(
  fc.record({ protocol }, { requiredKeys: [] }),
  fc.record(
    { protocol, port: fc.constantFrom<string | number>(80, 53, 'web', 'web', 'dns', 'sig') },
    { requiredKeys: ['port'] },
  ),
  fc.record({ protocol, port: fc.constantFrom(1, 80, 8081), endPort: fc.constantFrom(80, 8083, 65535) }),
);

const peers = fc.array(peer, { maxLength: 2 });
const ports = fc.array(port, { maxLength: 2 });
const spec: fc.Arbitrary<PolicySpec> = fc.record(
  {
    podSelector: selector,
    policyTypes: fc.subarray(['Ingress' as const, 'Egress' as const]),
    ingress: fc.array(fc.record({ from: peers, ports }, { requiredKeys: [] }), { maxLength: 2 }),
    egress: fc.array(fc.record({ to: peers, ports }, { requiredKeys: [] }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

export const anyPolicy: fc.Arbitrary<NetworkPolicy> = fc
  .tuple(fc.constantFrom(...namespaceNames), fc.constantFrom('p', 'q', 'r'), spec)
  .map(([of, name, value]) => policy(`${of}/${name}`, value));

export const anyNamespace: fc.Arbitrary<Namespace> = fc
  .tuple(fc.constantFrom(...namespaceNames), labels)
  .map(([name, value]) => namespace(name, value as Record<string, string>));

const phase = fc.constantFrom(
  'Running' as const,
  'Running' as const,
  'Running' as const,
  'Succeeded' as const,
);

const localPod = fc
  .record({ at: fc.nat(localNames.length - 1), labels, ports: podPorts, phase })
  .map(({ at, ...options }) =>
    pod(localNames[at]!, {
      ...options,
      labels: options.labels as Record<string, string>,
      ips: [`10.0.0.${at + 1}`, `fd00::${at + 1}`],
      local: true,
    }),
  );

const remotePod = fc
  .record({
    at: fc.constantFrom(...remoteNames),
    labels,
    ports: podPorts,
    sidecarPorts: podPorts,
    phase,
    ips: fc.subarray(remoteAddresses, { maxLength: 2 }),
    created: fc.nat(2),
    version: fc.integer({ min: 1, max: 1999 }),
    hostNetwork: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  })
  .map(({ at, ...options }) =>
    pod(at, {
      ...options,
      labels: options.labels as Record<string, string>,
      uid: `${at} ${options.created}`,
    }),
  );

export const anyPod: fc.Arbitrary<Pod> = fc.oneof(localPod, remotePod);

export type ClusterChange =
  | { policy: NetworkPolicy; gone: boolean }
  | { namespace: Namespace; gone: boolean }
  | { pod: Pod; gone: boolean };

const gone = fc.integer({ min: 0, max: 3 }).map((n) => n === 0);

export const anyChange: fc.Arbitrary<ClusterChange> = fc.oneof(
  fc.record({ policy: anyPolicy, gone }),
  fc.record({ namespace: anyNamespace, gone }),
  { weight: 3, arbitrary: fc.record({ pod: anyPod, gone }) },
);

export const anyAddress = [
  ...remoteAddresses,
  ...outsideAddresses,
  ...localNames.flatMap((_, at) => [`10.0.0.${at + 1}`, `fd00::${at + 1}`]),
];
