/** The NetworkPolicy API's and Multus' published definitions, and objects that they accept and refuse. */
import { expect, test } from 'vitest';
import { useTestServer } from '../test-server.ts';
import { accepted, type Cases, publishedTests } from './test-published.ts';

const server = useTestServer();
const { call } = server;
const { install, expectAnswers, post } = publishedTests(server);

const everywhere = { namespaces: {} };
const selector = { matchLabels: { app: 'web' } };
const pods = { pods: { namespaceSelector: {}, podSelector: selector } };
const policy = (more: object) => ({ tier: 'Admin', priority: 5, subject: everywhere, ...more });
const to = (peer: object, more: object = {}) => policy({ egress: [{ action: 'Deny', to: [peer], ...more }] });
const from = (peer: object, more: object = {}) =>
  policy({ ingress: [{ action: 'Deny', from: [peer], ...more }] });
const range = (protocol: string, start: unknown, end: unknown) => ({
  protocols: [{ [protocol]: { destinationPort: { range: { start, end } } } }],
});
const number = (protocol: string, value: unknown) => ({
  protocols: [{ [protocol]: { destinationPort: { number: value } } }],
});
const named = { protocols: [{ destinationNamedPort: 'http' }] };
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

const wrongOrder = 'Start port must be less than End port';
const wrongBlock = 'Invalid CIDR format provided';
const noNames = 'networks/nodes/domainNames peer cannot be set with namedPorts';

const good: Cases = [
  ['what it is about alone', policy({}), accepted],
  ['the first priority', policy({ priority: 0 }), accepted],
  ['the last priority', policy({ priority: 1000 }), accepted],
  ['the other tier', policy({ tier: 'Baseline' }), accepted],
  ['pods', policy({ subject: pods }), accepted],
  ['pods by label alone', policy({ subject: { pods: { podSelector: selector } } }), accepted],
  [
    'namespaces by expressions',
    policy({ subject: { namespaces: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } } }),
    accepted,
  ],
  ['a peer', from(everywhere), accepted],
  ['pods as peers', from(pods), accepted],
  ['pods as peers outwards', to(pods), accepted],
  [
    'each action',
    policy({ egress: ['Accept', 'Deny', 'Pass'].map((action) => ({ action, to: [everywhere] })) }),
    accepted,
  ],
  ['a name', from(everywhere, { name: 'x'.repeat(100) }), accepted],
  ['blocks of both families', to({ networks: ['10.0.0.0/8', 'fd00::/8'] }), accepted],
  ['all addresses', to({ networks: ['0.0.0.0/0', '::/0'] }), accepted],
  ['single addresses', to({ networks: ['192.0.2.1/32', '2001:db8::1/128'] }), accepted],
  ['a port', to(everywhere, number('tcp', 80)), accepted],
  ['the first port', from(everywhere, number('udp', 1)), accepted],
  ['the last port', from(everywhere, number('sctp', 65_535)), accepted],
  ...(['tcp', 'udp', 'sctp'] as const).flatMap(
    (protocol): Cases => [
      [`${protocol} ports outwards`, to(everywhere, range(protocol, 80, 81)), accepted],
      [`${protocol} ports inwards`, from(everywhere, range(protocol, 1, 65_535)), accepted],
    ],
  ),
  ['numbers for blocks', to({ networks: ['10.0.0.0/8'] }, number('tcp', 443)), accepted],
  ['25 rules', policy({ ingress: many(25, { action: 'Pass', from: [everywhere] }) }), accepted],
  ['25 peers', policy({ ingress: [{ action: 'Pass', from: many(25, everywhere) }] }), accepted],
];

const bad: Cases = [
  ['no subject', { tier: 'Admin', priority: 5 }, 'spec.subject: Required value'],
  ['no priority', { tier: 'Admin', subject: everywhere }, 'spec.priority: Required value'],
  ['no tier', { priority: 5, subject: everywhere }, 'spec.tier: Required value'],
  [
    'another tier',
    policy({ tier: 'User' }),
    'spec.tier: Unsupported value: "User": supported values: "Admin", "Baseline"',
  ],
  [
    'a priority too high',
    policy({ priority: 1001 }),
    'spec.priority in body should be less than or equal to 1000',
  ],
  [
    'a priority too low',
    policy({ priority: -1 }),
    'spec.priority in body should be greater than or equal to 0',
  ],
  [
    'a priority that is a text',
    policy({ priority: '5' }),
    'spec.priority in body must be of type integer: "string"',
  ],
  ['an empty subject', policy({ subject: {} }), 'spec.subject in body should have at least 1 properties'],
  [
    'two subjects',
    policy({ subject: { ...everywhere, ...pods } }),
    'spec.subject: Too many: 2: must have at most 1 item',
  ],
  ['pods without labels', policy({ subject: { pods: {} } }), 'spec.subject.pods.podSelector: Required value'],
  [
    'an expression without an operator',
    policy({ subject: { namespaces: { matchExpressions: [{ key: 'a' }] } } }),
    'spec.subject.namespaces.matchExpressions[0].operator: Required value',
  ],
  [
    'another action',
    policy({ ingress: [{ action: 'Invalid', from: [everywhere] }] }),
    'Unsupported value: "Invalid"',
  ],
  ['no action', policy({ ingress: [{ from: [everywhere] }] }), 'spec.ingress[0].action: Required value'],
  ['no peers', policy({ egress: [{ action: 'Deny' }] }), 'spec.egress[0].to: Required value'],
  [
    'an empty list of peers',
    policy({ egress: [{ action: 'Deny', to: [] }] }),
    'spec.egress[0].to in body should have at least 1 items',
  ],
  ['an empty peer', to({}), 'spec.egress[0].to[0] in body should have at least 1 properties'],
  [
    'a peer of two kinds',
    to({ ...everywhere, ...pods }),
    'spec.egress[0].to[0]: Too many: 2: must have at most 1 item',
  ],
  [
    'a name too long',
    from(everywhere, { name: 'x'.repeat(101) }),
    'spec.ingress[0].name: Too long: may not be more than 100 bytes',
  ],
  [
    '26 rules',
    policy({ ingress: many(26, { action: 'Pass', from: [everywhere] }) }),
    'spec.ingress: Too many: 26: must have at most 25 items',
  ],
  [
    '26 peers',
    policy({ ingress: [{ action: 'Pass', from: many(26, everywhere) }] }),
    'Too many: 26: must have at most 25 items',
  ],
  ['no block', to({ networks: [] }), 'spec.egress[0].to[0].networks in body should have at least 1 items'],
  [
    'one block twice',
    to({ networks: ['10.0.0.0/8', '10.0.0.0/8'] }),
    'spec.egress[0].to[0].networks[1]: Duplicate value: "10.0.0.0/8"',
  ],
  ['a block with more bits than its prefix', to({ networks: ['10.0.0.1/8'] }), wrongBlock],
  ['a block of IPv6 with more bits', to({ networks: ['fd00::1/8'] }), wrongBlock],
  ['a block without a prefix', to({ networks: ['10.0.0.0'] }), wrongBlock],
  ['a block that is none', to({ networks: ['nowhere'] }), wrongBlock],
  ...(['tcp', 'udp', 'sctp'] as const).flatMap(
    (protocol): Cases => [
      [`${protocol} ports in the wrong order outwards`, to(everywhere, range(protocol, 9, 8)), wrongOrder],
      [`${protocol} ports in the wrong order inwards`, from(everywhere, range(protocol, 8, 8)), wrongOrder],
    ],
  ),
  [
    'port 0',
    to(everywhere, number('tcp', 0)),
    'destinationPort.number in body should be greater than or equal to 1',
  ],
  [
    'a port too high',
    from(everywhere, number('udp', 65_536)),
    'destinationPort.number in body should be less than or equal to 65535',
  ],
  [
    'a range without an end',
    to(everywhere, range('tcp', 1, undefined)),
    'destinationPort.range.end: Required value',
  ],
  [
    'no protocol',
    to(everywhere, { protocols: [] }),
    'spec.egress[0].protocols in body should have at least 1 items',
  ],
  [
    'an empty protocol',
    to(everywhere, { protocols: [{}] }),
    'spec.egress[0].protocols[0] in body should have at least 1 properties',
  ],
  [
    'two protocols in one',
    to(everywhere, { protocols: [{ tcp: {}, udp: {} }] }),
    'spec.egress[0].protocols[0]: Too many: 2: must have at most 1 item',
  ],
];

/** The experimental channel has nodes and names of the DNS as peers, and ports by name. */
const experimental: Cases = [
  ['named ports of pods', to(pods, named), accepted],
  ['named ports inwards', from(everywhere, named), accepted],
  ['named ports of blocks', to({ networks: ['10.0.0.0/8'] }, named), noNames],
  ['nodes', to({ nodes: selector }), accepted],
  ['named ports of nodes', to({ nodes: selector }, named), noNames],
  ['names', to({ domainNames: ['example.com', '*.example.com', 'a.b.example.com.'] }), accepted],
  ['numbers for names', to({ domainNames: ['example.com'] }, number('tcp', 443)), accepted],
  ['named ports of names', to({ domainNames: ['example.com'] }, named), noNames],
  ['one label', to({ domainNames: ['example'] }), 'should match'],
  ['a star within', to({ domainNames: ['a.*.com'] }), 'should match'],
  ['one name twice', to({ domainNames: ['example.com', 'example.com'] }), 'Duplicate value: "example.com"'],
  ['no names', to({ domainNames: [] }), 'domainNames in body should have at least 1 items'],
];

test.each([
  ['standard', 'v1alpha2', [...good, ...bad]],
  ['experimental', 'v1beta1', [...good, ...bad, ...experimental]],
])(
  'ClusterNetworkPolicies of the %s channel, %s, are accepted and refused as the project has it',
  async (channel, version, cases) => {
    await install(`network-policy-api-${channel}.yaml.br`);
    const kind = [
      `policy.networking.k8s.io/${version}`,
      'clusternetworkpolicies',
      'ClusterNetworkPolicy',
    ] as const;
    // As it comes over the wire: what is undefined is not there.
    await expectAnswers(kind, JSON.parse(JSON.stringify(cases)), { namespaced: false });
  },
);

test('a NetworkAttachmentDefinition holds its configuration as a text', async () => {
  await install('network-attachment-definition.yaml');
  const where = ['k8s.cni.cncf.io/v1', 'network-attachment-definitions'] as const;
  const config = '{"cniVersion":"1.0.0","type":"bridge"}';
  const texts = [config, '', 'no JSON at all', '[1]', 'null'];
  const kind = 'NetworkAttachmentDefinition';
  const cases: Cases = [
    ...texts.map((text): Cases[number] => [text, { config: text }, accepted]),
    ['nothing', {}, accepted],
    ...([5, true, {}, []] as const).map((value): Cases[number] => [
      JSON.stringify(value),
      { config: value },
      'spec.config in body must be of type string',
    ]),
  ];
  await expectAnswers([...where, kind], cases);
  const metadata = (name: string) => ({ name, namespace: 'default' });
  expect(await post(...where, { kind, metadata: metadata('none') })).toBe(accepted);
  expect(await post(...where, { kind, metadata: metadata('text'), spec: 'x' })).toContain(
    'spec in body must be of type object: "string"',
  );
  const kept = await call('GET', `/apis/${where[0]}/namespaces/default/${where[1]}/x0`);
  expect(kept.spec).toEqual({ config });
});
