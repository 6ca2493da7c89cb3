import { describe, expect, it } from 'vitest';
import type { Service } from '../../kube/types.ts';
import { formatCidr } from '../../net/cidr.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { testService } from '../testing-objects.ts';
import { healthCheckPort, type ServicePortSpec, servicePorts } from './service-port.ts';

type Spec = Partial<NonNullable<Service['spec']>>;
type Ingress = { ip?: string; hostname?: string; ipMode?: string }[];

function service(spec: Spec, { ingress = [] as Ingress, labels = {}, annotations = {} } = {}): Service {
  const object = testService('web', spec, labels);
  return {
    ...object,
    metadata: { ...object.metadata, annotations },
    status: { loadBalancer: { ingress } },
  } as Service;
}

/** `KIND ADDRESS|PORT`, of LoadBalancers with what is let in. */
function frontends(port: ServicePortSpec | undefined): string[] {
  return (port?.frontends ?? []).map(({ kind, ip, port: number, sourceRanges }) =>
    [kind, `${formatIp(ip)}|${number}`, ...sourceRanges.map(formatCidr)].join(' '),
  );
}

const nodes = [parseIp('10.9.0.1'), parseIp('fd09::1')];
const specs = (object: Service) => servicePorts(object, nodes);
const port = (name: string, protocol: string, number: number, nodePort?: number) =>
  ({ name, protocol, port: number, ...(nodePort !== undefined && { nodePort }) }) as never;
const ips = { v4: '10.0.0.1', v6: '2001:db8:85a3::8a2e:370:7334' };
const outer = { v4: '8.8.8.8', v6: '2001:db8:85a3::8a2e:370:7335' };

describe('kube-proxy’s own cases (servicechangetracker_test.go)', () => {
  const testPort = [port('testPort', 'TCP', 12_345)];
  const both = [{ ip: outer.v4 }, { ip: outer.v6 }];
  it.each<[name: string, Service, expected: Record<string, string[]>]>([
    ['headless', service({ clusterIP: 'None', ports: [port('rpc', 'UDP', 1234)] }), {}],
    ['headless, SCTP', service({ clusterIP: 'None', ports: [port('sip', 'SCTP', 7777)] }), {}],
    ['headless without ports', service({ clusterIP: 'None' }), {}],
    [
      'ClusterIP',
      service({ clusterIP: '172.16.55.4', ports: [port('p1', 'UDP', 1234), port('p2', 'UDP', 1235)] }),
      { 'p1/UDP': ['ClusterIP 172.16.55.4|1234'], 'p2/UDP': ['ClusterIP 172.16.55.4|1235'] },
    ],
    [
      'NodePort',
      service({
        type: 'NodePort',
        clusterIP: '172.16.55.10',
        ports: [port('port1', 'UDP', 345, 678), port('port2', 'TCP', 344, 677)],
      }),
      {
        'port1/UDP': ['ClusterIP 172.16.55.10|345', 'NodePort 10.9.0.1|678'],
        'port2/TCP': ['ClusterIP 172.16.55.10|344', 'NodePort 10.9.0.1|677'],
      },
    ],
    ...(['VIP', undefined, 'Proxy'] as const).map((ipMode): [string, Service, Record<string, string[]>] => [
      `LoadBalancer, ipMode ${ipMode}`,
      service(
        {
          type: 'LoadBalancer',
          clusterIP: '172.16.55.11',
          loadBalancerIP: '5.6.7.8',
          ports: [port('port3', 'UDP', 8675, 30_061)],
        },
        { ingress: [{ ip: '10.1.2.4', ...(ipMode && { ipMode }) }] },
      ),
      {
        'port3/UDP': [
          'ClusterIP 172.16.55.11|8675',
          'NodePort 10.9.0.1|30061',
          ...(ipMode === 'Proxy' ? [] : ['LoadBalancer 10.1.2.4|8675']),
        ],
      },
    ]),
    [
      'ExternalName, though it has a ClusterIP',
      service({
        type: 'ExternalName',
        clusterIP: '172.16.55.4',
        externalName: 'foo2.bar.com',
        ports: [port('portz', 'UDP', 1235)],
      }),
      {},
    ],
    [
      'IPv4 only, with addresses of both families',
      service(
        {
          clusterIP: ips.v4,
          externalIPs: [outer.v4, outer.v6],
          loadBalancerSourceRanges: ['0.0.0.0/1', '2001:db8::/32'],
          ports: testPort,
        },
        { ingress: both },
      ),
      {
        'testPort/TCP': [
          `ClusterIP ${ips.v4}|12345`,
          `ExternalIP ${outer.v4}|12345`,
          `LoadBalancer ${outer.v4}|12345 0.0.0.0/1`,
        ],
      },
    ],
    [
      'IPv6 only, with addresses of both families',
      service(
        {
          clusterIP: ips.v6,
          externalIPs: [outer.v4, outer.v6],
          loadBalancerSourceRanges: ['0.0.0.0/1', '2001:db8::/32'],
          ports: testPort,
        },
        { ingress: both },
      ),
      {
        'testPort/TCP': [
          `ClusterIP ${ips.v6}|12345`,
          `ExternalIP ${outer.v6}|12345`,
          `LoadBalancer ${outer.v6}|12345 2001:db8::/32`,
        ],
      },
    ],
    [
      'source ranges with space around',
      service(
        { clusterIP: ips.v4, loadBalancerSourceRanges: [' 10.1.2.0/28'], ports: testPort },
        { ingress: [{ ip: outer.v4 }] },
      ),
      { 'testPort/TCP': [`ClusterIP ${ips.v4}|12345`, `LoadBalancer ${outer.v4}|12345 10.1.2.0/28`] },
    ],
  ])('%s', (_, object, expected) => {
    const found = Object.fromEntries(
      specs(object).map((spec) => [spec.name.replace('default/web:', ''), frontends(spec)]),
    );
    expect(found).toEqual(expected);
  });
});

describe('source ranges', () => {
  const of = (ranges: string[] | undefined) =>
    specs(
      service(
        {
          type: 'LoadBalancer',
          clusterIPs: [ips.v4, ips.v6],
          ...(ranges && { loadBalancerSourceRanges: ranges }),
          ports: [port('', 'TCP', 80, 30_080)],
        },
        { ingress: [{ ip: outer.v4 }, { ip: outer.v6 }] },
      ),
    )[0]!
      .frontends.filter(({ sourceRanges, kind }) => kind === 'LoadBalancer' || sourceRanges.length > 0)
      .map(({ kind, sourceRanges }) => [kind, ...sourceRanges.map(formatCidr)].join(' '));
  it.each([
    ['none: all', undefined, ['LoadBalancer', 'LoadBalancer']],
    ['one family’s leave the other open', ['10.0.0.0/8'], ['LoadBalancer 10.0.0.0/8', 'LoadBalancer']],
    ['of both', ['10.0.0.0/8', 'fd00::/8'], ['LoadBalancer 10.0.0.0/8', 'LoadBalancer fd00::/8']],
    ['the whole family lets all in', ['10.0.0.0/8', '0.0.0.0/0'], ['LoadBalancer', 'LoadBalancer']],
    ['host bits are cleared', ['10.1.2.3/8'], ['LoadBalancer 10.0.0.0/8', 'LoadBalancer']],
    [
      'leading zeros count for nothing',
      ['010.020.000.100/030', 'fd00::/008'],
      ['LoadBalancer 10.20.0.100/30', 'LoadBalancer fd00::/8'],
    ],
    ['zeros within numbers stay', ['10.100.200.0/20'], ['LoadBalancer 10.100.192.0/20', 'LoadBalancer']],
  ])('%s; NodePorts are open always', (_, ranges, expected) => {
    expect(of(ranges)).toEqual(expected);
  });
});

describe('a port’s policies', () => {
  const one = (spec: Spec, annotations = {}) =>
    specs(service({ clusterIP: ips.v4, ports: [port('', 'TCP', 80)], ...spec }, { annotations }))[0]!;
  it('Cluster unless told, and no affinity', () => {
    expect(one({})).toMatchObject({
      internalPolicy: 'Cluster',
      externalPolicy: 'Cluster',
      affinitySeconds: 0,
      maglev: false,
      dsr: false,
      shortcut: false,
    });
  });

  it('an external policy needs a way in from outside', () => {
    const externalTrafficPolicy = 'Local' as const;
    expect(one({ externalTrafficPolicy }).externalPolicy).toBe('Cluster');
    expect(one({ externalTrafficPolicy, externalIPs: [outer.v4] }).externalPolicy).toBe('Local');
    expect(one({ externalTrafficPolicy, type: 'NodePort' }).externalPolicy).toBe('Local');
  });

  it('affinity for three hours unless told', () => {
    expect(one({ sessionAffinity: 'ClientIP' }).affinitySeconds).toBe(10_800);
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 7 } };
    expect(one({ sessionAffinity: 'ClientIP', sessionAffinityConfig }).affinitySeconds).toBe(7);
  });

  it('the short way for those alone that say so', () => {
    const of = (value: string) => one({}, { 'tendril.dev/socket-shortcut': value }).shortcut;
    expect(['enabled', 'disabled', 'true', ''].map(of)).toEqual([true, false, false, false]);
    const annotated = (value?: string) =>
      service(
        { clusterIP: ips.v4, ports: [port('', 'TCP', 80)] },
        value === undefined ? {} : { annotations: { 'tendril.dev/socket-shortcut': value } },
      );
    const inside = (value?: string) =>
      servicePorts(annotated(value), [], { shortcut: 'enabled' })[0]!.shortcut;
    expect([undefined, 'enabled', 'disabled'].map(inside)).toEqual([true, true, false]);
  });

  it('balancing and forwarding by annotation', () => {
    const { maglev, dsr } = one(
      {},
      { 'tendril.dev/service-balancing': 'maglev', 'tendril.dev/service-forwarding': 'dsr' },
    );
    expect([maglev, dsr]).toEqual([true, true]);
    const plain = one(
      {},
      { 'tendril.dev/service-balancing': 'random', 'tendril.dev/service-forwarding': 'snat' },
    );
    expect([plain.maglev, plain.dsr]).toEqual([false, false]);
  });

  it('SCTP, TCP and UDP on one port', () => {
    const ports = (['SCTP', 'TCP', 'UDP'] as const).map((protocol) => port(protocol, protocol, 53));
    expect(specs(service({ clusterIP: ips.v4, ports })).map(({ protocol }) => protocol)).toEqual([
      'SCTP',
      'TCP',
      'UDP',
    ]);
  });

  it('no NodePort where a LoadBalancer allocates none', () => {
    const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false } as const;
    expect(frontends(one(spec))).toEqual([`ClusterIP ${ips.v4}|80`]);
  });
});

describe('health check ports', () => {
  const local = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 345,
    clusterIPs: [ips.v4, ips.v6],
    ports: [port('portx', 'UDP', 8677)],
  } as const;
  it.each<[string, Spec, unknown]>([
    ['of a LoadBalancer with a Local policy', local as never, { port: 345, families: [4, 6] }],
    ['in the Service’s families', { ...local, clusterIPs: [ips.v6] } as never, { port: 345, families: [6] }],
    ['none with policy Cluster', { ...local, externalTrafficPolicy: 'Cluster' } as never, undefined],
    ['none of a NodePort Service', { ...local, type: 'NodePort' } as never, undefined],
    ['none where none was allocated', { ...local, healthCheckNodePort: 0 } as never, undefined],
    ['none of a headless Service', { ...local, clusterIPs: ['None'] } as never, undefined],
  ])('%s', (_, spec, expected) => {
    expect(healthCheckPort(service(spec))).toEqual(expected);
  });
});
