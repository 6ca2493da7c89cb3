/** Services that are refused, with kube-apiserver's words; and what may become of which. */
import { describe, expect, test } from 'vitest';
import { inDefault, mergePatch, serviceOf, useTestServer } from '../test-server.ts';

const { call, createService, patchService } = useTestServer();
const ports = (...list: object[]) => ({ ports: list });
const immutable = (key: string, i = 0) =>
  expect.stringMatching(new RegExp(`spec\\.${key}\\[${i}\\]: Invalid value: .*may not change once set`));

describe('a new Service is refused', () => {
  const cases: [what: string, spec: object, message: string][] = [
    ['without ports', { ports: [] }, 'spec.ports: Required value'],
    [
      'with one port twice',
      ports({ name: 'a', port: 80 }, { name: 'b', port: 80 }),
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
    [
      'with one name twice',
      ports({ name: 'a', port: 80 }, { name: 'a', port: 81 }),
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      'with a nodePort in a cluster alone',
      ports({ port: 80, nodePort: 30001 }),
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      'with one nodePort twice',
      {
        type: 'NodePort',
        ...ports({ name: 'a', port: 80, nodePort: 30001 }, { name: 'b', port: 81, nodePort: 30001 }),
      },
      'spec.ports[1].nodePort: Duplicate value: 30001',
    ],
    [
      'of an unknown protocol',
      ports({ port: 80, protocol: 'ICMP' }),
      'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'of an unknown type',
      { type: 'Sometimes' },
      'spec.type: Unsupported value: "Sometimes": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      'headless with node ports',
      { type: 'NodePort', clusterIP: 'None' },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    ],
    [
      'ExternalName with an address',
      { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.7' },
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
    [
      'with a policy for outsiders that it does not have',
      { externalTrafficPolicy: 'Local' },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      'with an unknown internalTrafficPolicy',
      { internalTrafficPolicy: 'Near' },
      'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"',
    ],
    [
      'with an affinity of more than a day',
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than or equal to 86400',
    ],
    [
      'with source ranges that nothing reads',
      { loadBalancerSourceRanges: ['10.0.0.0/8'] },
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'with a source range that has host bits',
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.1/8'] },
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
    ],
    [
      'with a class but no load balancer',
      { loadBalancerClass: 'a/b' },
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'with an external IP on loopback',
      { externalIPs: ['127.0.0.1'] },
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      'with leading zeros in an address',
      { externalIPs: ['192.000.2.1'] },
      'spec.externalIPs[0]: Invalid value: "192.000.2.1": must not have leading 0s',
    ],
    [
      'with a v4-mapped address',
      { clusterIP: '::ffff:10.96.0.7' },
      'spec.clusterIPs[0]: Invalid value: "::ffff:10.96.0.7": must not be an IPv4-mapped IPv6 address',
    ],
    [
      'with an unknown distribution',
      { trafficDistribution: 'Fair' },
      'spec.trafficDistribution: Unsupported value: "Fair": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
    [
      'with two addresses of one family',
      { ipFamilyPolicy: 'RequireDualStack', clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', '10.96.0.8'] },
      'spec.clusterIPs: Invalid value: ["10.96.0.7","10.96.0.8"]: may specify no more than one IP for each IP family',
    ],
    [
      'with an address of another family than it says',
      { ipFamilies: ['IPv6'], clusterIP: '10.96.0.7' },
      'spec.clusterIPs[0]: Invalid value: "10.96.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
    [
      'with None beside an address',
      { ipFamilyPolicy: 'RequireDualStack', clusterIP: 'None', clusterIPs: ['None', 'fd00::7'] },
      'spec.clusterIPs: Invalid value: ["None","fd00::7"]: \'None\' must be the first and only value',
    ],
    [
      'where its two names of one address differ',
      { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.8'] },
      'spec.clusterIPs: Invalid value: ["10.96.0.8"]: first value must match `clusterIP`',
    ],
    [
      'with one family twice',
      { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv4'] },
      'spec.ipFamilies[1]: Duplicate value: "IPv4"',
    ],
  ];
  test.each(cases)('%s', async (_what, spec, message) => {
    const answer = await createService('web', spec);
    expect(answer).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(answer.message).toContain(message);
  });
});

describe('what others have is not given', () => {
  test('a node port, whatever the protocol', async () => {
    await createService('a', { type: 'NodePort', ...ports({ port: 80, nodePort: 30005 }) });
    const answer = await createService('b', {
      type: 'NodePort',
      ...ports({ port: 80, nodePort: 30005, protocol: 'UDP' }),
    });
    expect(answer.message).toContain(
      'spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated',
    );
  });

  test('an IPv6 address, however it is written; the way it was written stays', async () => {
    const made = await createService('a', { ipFamilies: ['IPv6'], clusterIP: 'fd00::00AB' });
    expect(made.spec.clusterIP).toBe('fd00::00AB');
    expect(made.warnings).toEqual([
      'spec.clusterIPs[0]: IPv6 address "fd00::00AB" should be in RFC 5952 canonical format ("fd00::ab")',
    ]);
    const answer = await createService('b', { ipFamilies: ['IPv6'], clusterIP: 'fd00::ab' });
    expect(answer.message).toContain('provided IP is already allocated');
    await call('DELETE', `${inDefault}/services/a`);
    expect(await createService('b', { ipFamilies: ['IPv6'], clusterIP: 'fd00::ab' })).toMatchObject({
      code: 201,
    });
  });

  test('two protocols of a new port share a number', async () => {
    const both = ports({ name: 'a', port: 53, protocol: 'UDP' }, { name: 'b', port: 53 });
    const { spec } = await createService('dns', { type: 'NodePort', ...both });
    expect(spec.ports[0].nodePort).toBe(spec.ports[1].nodePort);
  });
});

describe('what becomes of a Service', () => {
  type Case = [what: string, before: object, patch: object, after: object, gone?: string];
  const cases: Case[] = [
    [
      'a second family is added',
      {},
      { ipFamilyPolicy: 'RequireDualStack' },
      { spec: { ipFamilies: ['IPv4', 'IPv6'], clusterIPs: { length: 2 } } },
    ],
    [
      'the second family goes with the policy',
      { ipFamilyPolicy: 'RequireDualStack' },
      { ipFamilyPolicy: 'SingleStack' },
      { spec: { ipFamilies: ['IPv4'], clusterIPs: { length: 1 } } },
    ],
    [
      'the second family does not go without it',
      { ipFamilyPolicy: 'PreferDualStack' },
      { ipFamilies: ['IPv4'] },
      {
        message: expect.stringContaining(
          'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be \'SingleStack\' to release the secondary IP family',
        ),
      },
    ],
    ['the first family stays', {}, { ipFamilies: ['IPv6'] }, { code: 422 }],
    [
      'families do not change places',
      { ipFamilyPolicy: 'RequireDualStack' },
      { ipFamilies: ['IPv6', 'IPv4'] },
      { code: 422 },
    ],
    ['the address stays', {}, { clusterIP: '10.96.0.99' }, { message: immutable('clusterIPs') }],
    ['headless it is born', {}, { clusterIP: 'None' }, { message: immutable('clusterIPs') }],
    [
      'headless it stays',
      { clusterIP: 'None', selector: { a: 'b' } },
      { clusterIP: '10.96.0.99' },
      { message: immutable('clusterIPs') },
    ],
    [
      'a headless one may take to another family',
      { clusterIP: 'None', selector: { a: 'b' } },
      { ipFamilies: ['IPv6'] },
      { code: 200, spec: { ipFamilies: ['IPv6'] } },
    ],
    [
      'an ExternalName gives everything back',
      { type: 'NodePort' },
      { type: 'ExternalName', externalName: 'example.com' },
      { code: 200, spec: { type: 'ExternalName', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] } },
      'clusterIP clusterIPs ipFamilies ipFamilyPolicy internalTrafficPolicy externalTrafficPolicy',
    ],
    [
      'an ExternalName gets an address when it becomes another type',
      { type: 'ExternalName', externalName: 'example.com' },
      { type: 'ClusterIP' },
      {
        code: 200,
        spec: { clusterIP: expect.stringMatching(/^10\.96\./), internalTrafficPolicy: 'Cluster' },
      },
    ],
    [
      'node ports go with the type',
      { type: 'NodePort', externalTrafficPolicy: 'Local' },
      { type: 'ClusterIP' },
      { code: 200, spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] } },
      'externalTrafficPolicy',
    ],
    [
      'what belongs to load balancers goes with the type',
      { type: 'LoadBalancer', externalTrafficPolicy: 'Local', loadBalancerClass: 'a/b' },
      { type: 'NodePort' },
      { code: 200, spec: { ports: [{ nodePort: 30000 }] } },
      'healthCheckNodePort loadBalancerClass allocateLoadBalancerNodePorts',
    ],
    [
      'the class of a load balancer stays',
      { type: 'LoadBalancer', loadBalancerClass: 'a/b' },
      { loadBalancerClass: 'a/c' },
      {
        message: expect.stringContaining(
          'spec.loadBalancerClass: Invalid value: "a/c": may not change once set',
        ),
      },
    ],
    [
      'the health check port stays',
      { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      { healthCheckNodePort: 30009 },
      { message: expect.stringContaining('spec.healthCheckNodePort: Forbidden: field is immutable') },
    ],
  ];
  test.each(cases)('%s', async (_what, before, patch, after, gone) => {
    expect(await createService('web', before)).toMatchObject({ code: 201 });
    const answer = await patchService(patch);
    expect(answer).toMatchObject(after);
    const kept = (gone ?? '').split(' ').filter((key) => key in (answer.spec ?? {}));
    expect(kept).toEqual([]);
  });

  test('a node port stays with the name of its port when the port changes', async () => {
    const named = (port: number) => ({ type: 'NodePort', ...ports({ name: 'http', port }) });
    const { spec } = await createService('web', named(80));
    const next = await call('PUT', `${inDefault}/services/web`, serviceOf('web', named(8080)));
    expect(next.spec.ports).toMatchObject([{ port: 8080, nodePort: spec.ports[0].nodePort }]);
  });
});

test.each([
  [{ externalName: 'a.b' }, 'spec.externalName is ignored when spec.type is not "ExternalName"'],
  [
    { trafficDistribution: 'PreferClose' },
    'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
  ],
  [{ clusterIP: 'None', externalIPs: ['192.0.2.7'] }, 'spec.externalIPs is ignored for headless services'],
])('%j is accepted with a warning', async (spec, warning) => {
  expect(await createService('web', spec)).toMatchObject({ code: 201, warnings: [warning] });
});

describe('in a cluster of one family', () => {
  const single = useTestServer({ serviceCidrs: ['10.96.0.0/24'] });
  test.each([
    [{ ipFamilyPolicy: 'RequireDualStack' }, 'this cluster is not configured for dual-stack services'],
    [{ ipFamilies: ['IPv6'] }, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    [{ clusterIP: 'fd00::7' }, 'spec.clusterIPs[0]: Invalid value: ["fd00::7"]: IPv6 is not configured'],
  ])('%j is refused', async (spec, message) => {
    expect((await single.createService('web', spec)).message).toContain(message);
  });

  test.each([
    [{ ipFamilyPolicy: 'PreferDualStack' }, { ipFamilies: ['IPv4'], ipFamilyPolicy: 'PreferDualStack' }],
    [{ clusterIP: 'None' }, { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' }],
  ])('%j is served', async (spec, expected) => {
    expect(await single.createService('web', spec)).toMatchObject({ code: 201, spec: expected });
  });
});

test('one that prefers two families is left alone by other changes', async () => {
  await createService('web', { ipFamilyPolicy: 'PreferDualStack' });
  const path = `${inDefault}/services/web`;
  const change = await call('PATCH', path, { metadata: { labels: { a: 'b' } } }, mergePatch);
  expect(change).toMatchObject({ code: 200, spec: { ipFamilies: ['IPv4', 'IPv6'] } });
});
