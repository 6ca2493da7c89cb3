/** EndpointSlices, NetworkPolicies and Ingresses that are refused, with kube-apiserver's words. */
import { describe, expect, test } from 'vitest';
import { mergePatch, useTestServer } from '../../test-server.ts';

const { call } = useTestServer();
const networking = '/apis/networking.k8s.io/v1/namespaces/default';
const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

async function refusal(path: string, body: object): Promise<string> {
  const answer = await call('POST', path, { metadata: { name: 'x' }, ...body });
  expect(answer).toMatchObject({ code: 422, reason: 'Invalid' });
  return answer.message;
}

describe('an EndpointSlice is refused', () => {
  const endpoint = (extra: object) => ({
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.244.0.2'], ...extra }],
  });
  const cases: [what: string, slice: object, message: string][] = [
    ['without a type', { endpoints: [] }, 'addressType: Required value'],
    [
      'of an unknown type',
      { addressType: 'IP' },
      'addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"',
    ],
    [
      'with an endpoint of no address',
      endpoint({ addresses: [] }),
      'endpoints[0].addresses: Required value: must contain at least 1 address',
    ],
    [
      'with an address of the other family',
      endpoint({ addresses: ['fd00::2'] }),
      'endpoints[0].addresses: Invalid value: "fd00::2": must be an IPv4 address',
    ],
    [
      'with no address',
      endpoint({ addresses: ['web'] }),
      'endpoints[0].addresses[0]: Invalid value: "web": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'with a link-local one',
      endpoint({ addresses: ['169.254.0.1'] }),
      'endpoints[0].addresses[0]: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
    [
      'with an IPv6 address that is not canonical',
      { addressType: 'IPv6', endpoints: [{ addresses: ['fd00::0001'] }] },
      'endpoints[0].addresses[0]: Invalid value: "fd00::0001": must be in canonical form ("fd00::1")',
    ],
    [
      'with a name of one part',
      { addressType: 'FQDN', endpoints: [{ addresses: ['web'] }] },
      'should be a domain with at least two segments separated by dots',
    ],
    [
      'with too many addresses',
      endpoint({ addresses: Array.from({ length: 101 }, (_, i) => `10.244.1.${i}`) }),
      'endpoints[0].addresses: Too many: 101: must have at most 100 items',
    ],
    [
      'with one port name twice',
      { ...endpoint({}), ports: [{ port: 80 }, { port: 81 }] },
      'ports[1].name: Duplicate value: ""',
    ],
    [
      'with an unknown protocol',
      { ...endpoint({}), ports: [{ port: 80, protocol: 'ICMP' }] },
      'ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'with one hint twice',
      endpoint({ hints: { forZones: [{ name: 'a' }, { name: 'a' }] } }),
      'endpoints[0].hints.forZones[1].name: Duplicate value: "a"',
    ],
    [
      'with too many hints',
      endpoint({ hints: { forNodes: Array.from({ length: 9 }, (_, i) => ({ name: `n${i}` })) } }),
      'endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items',
    ],
    ['with a wrong host name', endpoint({ hostname: 'A' }), 'endpoints[0].hostname: Invalid value: "A"'],
  ];
  test.each(cases)('%s', async (_what, slice, message) => {
    expect(await refusal(slices, slice)).toContain(message);
  });

  test('that changes its type', async () => {
    await call('POST', slices, { metadata: { name: 'x' }, ...endpoint({}) });
    const answer = await call('PATCH', `${slices}/x`, { addressType: 'IPv6', endpoints: [] }, mergePatch);
    expect(answer.message).toContain('addressType: Invalid value: "IPv6": field is immutable');
  });
});

describe('a NetworkPolicy is refused', () => {
  const from = (...peers: object[]) => ({ ingress: [{ from: peers }] });
  const port = (what: object) => ({ egress: [{ ports: [what] }] });
  const block = (cidr: string, ...except: string[]) => from({ ipBlock: { cidr, except } });
  const cases: [what: string, spec: object, message: string][] = [
    ['with an empty peer', from({}), 'spec.ingress[0].from[0]: Required value: must specify a peer'],
    [
      'with a block and a selector in one peer',
      from({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }),
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
    ],
    [
      'with a block that is none',
      block('10.0.0.0/33'),
      'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      'with host bits in a block',
      block('10.0.0.1/8'),
      'ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
    ],
    [
      'with an exception from elsewhere',
      block('10.0.0.0/8', '192.168.0.0/16'),
      'ipBlock.except[0]: Invalid value: "192.168.0.0/16": must be a strict subset of `cidr`',
    ],
    [
      'with an exception of everything',
      block('10.0.0.0/8', '10.0.0.0/8'),
      'ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
    ],
    [
      'with an exception of another family',
      block('fd00::/8', '10.0.0.0/16'),
      'ipBlock.except[0]: Invalid value: "10.0.0.0/16": must be a strict subset of `cidr`',
    ],
    [
      'with an unknown protocol',
      port({ protocol: 'ICMP' }),
      'spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
    ],
    [
      'with a port beyond all ports',
      port({ port: 65536 }),
      'spec.egress[0].ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [
      'with a port name that is none',
      port({ port: 'Web_' }),
      'spec.egress[0].ports[0].port: Invalid value: "Web_": must contain only alpha-numeric characters',
    ],
    [
      'with a range that ends before it begins',
      port({ port: 90, endPort: 80 }),
      'spec.egress[0].ports[0].endPort: Invalid value: 90: must be greater than or equal to `port`',
    ],
    [
      'with a range from a name',
      port({ port: 'web', endPort: 80 }),
      'endPort: Invalid value: 80: may not be specified when `port` is non-numeric',
    ],
    [
      'with a range from nowhere',
      port({ endPort: 80 }),
      'endPort: Invalid value: 80: may not be specified when `port` is not specified',
    ],
    [
      'with an unknown direction',
      { policyTypes: ['Upwards'] },
      'spec.policyTypes[0]: Unsupported value: "Upwards": supported values: "Ingress", "Egress"',
    ],
    [
      'with three directions',
      { policyTypes: ['Ingress', 'Egress', 'Ingress'] },
      'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes',
    ],
    [
      'with a wrong selector',
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
      "spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  ];
  test.each(cases)('%s', async (_what, spec, message) => {
    expect(await refusal(`${networking}/networkpolicies`, { spec })).toContain(message);
  });

  test('a range of ports and a block with a hole are accepted, with their defaults', async () => {
    const spec = {
      podSelector: {},
      ingress: [
        {
          from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }],
          ports: [{ port: 80, endPort: 90 }],
        },
      ],
    };
    const made = await call('POST', `${networking}/networkpolicies`, { metadata: { name: 'x' }, spec });
    expect(made).toMatchObject({ code: 201, spec: { policyTypes: ['Ingress'] } });
    expect(made.spec.ingress[0].ports).toEqual([{ port: 80, endPort: 90, protocol: 'TCP' }]);
  });
});

describe('an Ingress is refused', () => {
  const service = (port: object = { number: 80 }) => ({ service: { name: 'web', port } });
  const path = (what: object) => ({
    rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: service(), ...what }] } }],
  });
  const first = 'spec.rules[0].http.paths[0]';
  const cases: [what: string, spec: object, message: string][] = [
    ['without anything', {}, 'spec: Invalid value: null: either `defaultBackend` or `rules` must be'],
    ['with no paths', { rules: [{ http: { paths: [] } }] }, 'spec.rules[0].http.paths: Required value'],
    [
      'with no type of path',
      { rules: [{ http: { paths: [{ path: '/', backend: service() }] } }] },
      `${first}.pathType: Required value: pathType must be specified`,
    ],
    [
      'with an unknown type of path',
      path({ pathType: 'Regex' }),
      `${first}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
    [
      'with a relative path',
      path({ path: 'shop' }),
      `${first}.path: Invalid value: "shop": must be an absolute path`,
    ],
    [
      'with a path that climbs',
      path({ path: '/shop/../admin' }),
      `${first}.path: Invalid value: "/shop/../admin": must not contain '/../'`,
    ],
    [
      'with no backend',
      path({ backend: {} }),
      `${first}.backend: Invalid value: "": resource or service backend is required`,
    ],
    [
      'with two ports in one',
      path({ backend: service({ name: 'http', number: 80 }) }),
      `${first}.backend: Invalid value: "": cannot set both port name & port number`,
    ],
    [
      'with no port',
      path({ backend: service({}) }),
      `${first}.backend: Required value: port name or number is required`,
    ],
    [
      'with an address for a host',
      { rules: [{ host: '192.0.2.1' }] },
      'spec.rules[0].host: Invalid value: "192.0.2.1": must be a DNS name, not an IP address',
    ],
    [
      'with a star in the middle',
      { rules: [{ host: 'a.*.b' }] },
      'spec.rules[0].host: Invalid value: "a.*.b": a wildcard DNS-1123 subdomain must start with',
    ],
    [
      'with a wrong host for TLS',
      { defaultBackend: service(), tls: [{ hosts: ['Shop'] }] },
      'spec.tls[0].hosts[0]: Invalid value: "Shop"',
    ],
    [
      'with a wrong class',
      { defaultBackend: service(), ingressClassName: 'A' },
      'spec.ingressClassName: Invalid value: "A"',
    ],
  ];
  test.each(cases)('%s', async (_what, spec, message) => {
    expect(await refusal(`${networking}/ingresses`, { spec })).toContain(message);
  });

  test('whose annotation names another class', async () => {
    const metadata = { name: 'x', annotations: { 'kubernetes.io/ingress.class': 'a' } };
    const spec = { ingressClassName: 'b', defaultBackend: service() };
    expect(await refusal(`${networking}/ingresses`, { metadata, spec })).toContain(
      'must match `ingressClassName` when both are specified',
    );
  });

  test('a class of no controller, or of another one', async () => {
    const classes = '/apis/networking.k8s.io/v1/ingressclasses';
    expect(await refusal(classes, { spec: { controller: 'me' } })).toContain(
      'spec.controller: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
    );
    await call('POST', classes, { metadata: { name: 'x' }, spec: { controller: 'a.b/c' } });
    const answer = await call('PATCH', `${classes}/x`, { spec: { controller: 'a.b/d' } }, mergePatch);
    expect(answer.message).toContain('spec.controller: Invalid value: "a.b/d": field is immutable');
  });
});
