import { describe, expect, it } from 'vitest';
import type { EndpointSlice, Node, Pod, Service } from '../../kube/types.ts';
import {
  addressParty,
  type Known,
  onlyPort,
  parsePort,
  parseWord,
  podParty,
  serviceAt,
  serviceReceivers,
  slicesFor,
} from './parties.ts';

const pod = (name: string, ips: string[], more: object = {}, phase = 'Running') =>
  ({
    metadata: { namespace: 'shop', name },
    spec: { nodeName: 'node-1', containers: [{ name: 'main', ports: [{ containerPort: 8080 }] }], ...more },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  }) as Pod;
const node = (name: string, ...addresses: string[]) =>
  ({
    metadata: { name },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  }) as Node;

const web = pod('web', ['10.244.1.2', 'fd00::2']);
const known: Known = {
  pods: [
    pod('ended', ['10.244.1.2'], {}, 'Succeeded'),
    web,
    pod('of-node', ['172.20.0.11', 'fd00:20::b'], { hostNetwork: true }),
    pod('waiting', []),
    pod('two', ['10.244.1.3'], {
      containers: [{ name: 'main', ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }] }],
    }),
  ],
  nodes: [node('node-1', '172.20.0.11', 'fd00:20::b')],
};

describe('a word is', () => {
  it.each([
    ['web', { kind: 'pod', namespace: 'here', name: 'web' }],
    ['shop/web', { kind: 'pod', namespace: 'shop', name: 'web' }],
    ['pod/web', { kind: 'pod', namespace: 'here', name: 'web' }],
    ['service/web', { kind: 'service', namespace: 'here', name: 'web' }],
    ['constructor/web', { kind: 'pod', namespace: 'constructor', name: 'web' }],
    ['svc/shop/web', { kind: 'service', namespace: 'shop', name: 'web' }],
    ['10.0.0.1', { kind: 'address', ip: '10.0.0.1' }],
    ['FD00:0::1', { kind: 'address', ip: 'fd00::1' }],
  ])('%s', (text, word) => {
    expect(parseWord(text, 'here')).toEqual(word);
  });

  it.each(['', 'a/b/c', 'service/', 'service/a/b/c', '/web'])('nothing: "%s"', (text) => {
    expect(() => parseWord(text, 'here')).toThrow(/is no pod, no address and no service/);
  });
});

describe('a port is', () => {
  it.each([
    ['80', { port: 80, protocol: 'TCP' }],
    ['53/udp', { port: 53, protocol: 'UDP' }],
    ['9/SCTP', { port: 9, protocol: 'SCTP' }],
  ])('%s', (text, port) => {
    expect(parsePort(text)).toEqual(port);
  });

  it.each(['0', '65536', 'http', '80/icmp', '80/toString', '80-90'])('nothing: %s', (text) => {
    expect(() => parsePort(text)).toThrow(/is no port/);
  });

  it('the only one that a pod declares, where none is named', () => {
    expect(onlyPort(known, podParty(known, 'shop/web'))).toEqual({ port: 8080, protocol: 'TCP' });
    expect(() => onlyPort(known, podParty(known, 'shop/two'))).toThrow(/shop\/two has 80\/tcp, 53\/udp/);
    expect(() => onlyPort(known, addressParty(known, '192.0.2.1'))).toThrow(/192.0.2.1 declares none/);
  });
});

describe('a pod', () => {
  it('is known by its name, with all its addresses', () => {
    const party = { name: 'shop/web', pod: 'shop/web', node: 'node-1', ips: ['10.244.1.2', 'fd00::2'] };
    expect(podParty(known, 'shop/web')).toEqual(party);
  });

  it('with its node’s network is its node', () => {
    expect(podParty(known, 'shop/of-node')).not.toHaveProperty('pod');
  });

  it('is refused where there is none, or none with an address', () => {
    expect(() => podParty(known, 'shop/nobody')).toThrow('there is no pod shop/nobody');
    expect(() => podParty(known, 'shop/waiting')).toThrow(/has no address yet/);
    expect(() => podParty(known, 'shop/ended')).toThrow(/has ended/);
  });
});

describe('an address is', () => {
  it('that of a pod that has not ended', () => {
    expect(addressParty(known, '10.244.1.2')).toMatchObject({ name: '10.244.1.2', pod: 'shop/web' });
  });

  it('the newest’s of several pods that have it', () => {
    const at = (name: string, creationTimestamp: string) => {
      const one = pod(name, ['10.244.1.7']);
      return { ...one, metadata: { ...one.metadata, creationTimestamp } };
    };
    const pods = [at('old', '2030-01-01T00:00:00Z'), at('new', '2030-01-02T00:00:00Z')];
    expect(addressParty({ pods, nodes: [] }, '10.244.1.7')).toMatchObject({ pod: 'shop/new' });
  });

  it('that of a node, which its pods without a network of their own share', () => {
    expect(addressParty(known, 'fd00:20::b')).toEqual({ name: 'fd00:20::b', node: 'node-1', ips: ['fd00:20::b'] }); // biome-ignore format: one line
  });

  it('anybody’s', () => {
    expect(addressParty(known, '192.0.2.1')).toEqual({ name: '192.0.2.1', ips: ['192.0.2.1'] });
  });
});

describe('a Service is its endpoints', () => {
  const service = {
    metadata: { namespace: 'shop', name: 'web' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  } as Service;
  const slice = (...addresses: string[]) =>
    ({
      ports: [
        { name: 'other', port: 1, protocol: 'TCP' },
        { name: 'http', port: 8080, protocol: 'TCP' },
      ],
      endpoints: [
        ...addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
        { addresses: ['10.244.9.9'], conditions: { ready: false } },
      ],
    }) as EndpointSlice;
  const receivers = (slices: EndpointSlice[], port?: string) =>
    serviceReceivers(service, slices, { known, wanted: port === undefined ? undefined : parsePort(port) });

  it('by their own ports, a pod of both families once', () => {
    const found = receivers([slice('10.244.1.2', '192.0.2.1'), slice('fd00::2')]);
    expect(found).toEqual([
      {
        ...{ protocol: 'TCP', port: 8080 },
        party: { name: 'shop/web', pod: 'shop/web', node: 'node-1', ips: ['10.244.1.2', 'fd00::2'] },
      },
      { protocol: 'TCP', port: 8080, party: { name: '192.0.2.1', ips: ['192.0.2.1'] } },
    ]);
    expect(receivers([slice('10.244.1.2')], '80')).toHaveLength(1);
  });

  it('also by an address of its own, of whose family they are', () => {
    const addresses = { clusterIPs: ['10.96.0.7', 'fd00:96::7'], externalIPs: ['192.0.2.50'] };
    const ingress = [{ ip: '192.0.2.60' }, { hostname: 'lb.example.com' }];
    const services = [
      { metadata: { namespace: 'shop', name: 'headless' }, spec: { clusterIPs: ['None'] } },
      { ...service, spec: { ...service.spec, ...addresses }, status: { loadBalancer: { ingress } } },
    ] as Service[];
    for (const ip of ['10.96.0.7', 'fd00:96::7', '192.0.2.50', '192.0.2.60'])
      expect(serviceAt(services, ip)?.metadata.name).toBe('web');
    expect(serviceAt(services, '10.96.0.8')).toBeUndefined();
    const slices = ['IPv4', 'IPv6'].map((addressType) => ({ addressType })) as EndpointSlice[];
    expect(slicesFor('10.96.0.7', slices)).toEqual([{ addressType: 'IPv4' }]);
    expect(slicesFor('fd00:96::7', slices)).toEqual([{ addressType: 'IPv6' }]);
  });

  it('and refused where it is but a name', () => {
    const external = { ...service, spec: { type: 'ExternalName', externalName: 'example.com' } } as Service;
    expect(() => serviceReceivers(external, [], { known, wanted: undefined })).toThrow(
      'service shop/web is another name of example.com',
    );
  });

  it('and refused without one, or without the port', () => {
    expect(() => receivers([])).toThrow('service shop/web has no ready endpoint at port 80');
    expect(() => receivers([], '8080')).toThrow('service shop/web has no port 8080/tcp; it has 80/tcp');
    expect(() => receivers([], '80/udp')).toThrow(/has no port 80\/udp/);
  });
});
