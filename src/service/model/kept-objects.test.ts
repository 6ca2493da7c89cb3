import { describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../kube/types.ts';
import { endpointsByPort, serviceOf } from './endpoint.ts';
import { KeptSlice, keepService } from './kept-objects.ts';
import { healthCheckPort, servicePorts } from './service-port.ts';

const metadata = {
  ...{
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  labels: { 'kubernetes.io/service-name': 'web' },
  annotations: {
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'tendril.dev/service-balancing': 'maglev',
  },
};

const pod = (uid: string) => ({ kind: 'Pod', namespace: 'shop', name: `web-${uid}`, uid });

const slice = {
  ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv6', metadata },
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  endpoints: [
    { addresses: ['fd00::1'], conditions: { ready: true, serving: true, terminating: false } },
    { addresses: ['fd00::2', 'fd00::22'], nodeName: 'n"1', targetRef: pod('a'), conditions: {} },
    { addresses: ['fd00::3'], conditions: { ready: false, terminating: true }, nodeName: 'n2' },
    { addresses: ['fd00::4'], hints: { forZones: [{ name: 'z1' }], forNodes: [{ name: 'n1' }] } },
  ],
} as EndpointSlice;

describe('a slice', () => {
  it('says the same of its endpoints', () => {
    const [a, b, c, d] = slice.endpoints!;
    expect(new KeptSlice(slice).endpoints).toEqual([a, b, c, { ...d, conditions: {} }]);
  });

  it('is read as the whole one', () => {
    const kept = new KeptSlice(slice);
    expect(serviceOf(kept)).toBe('shop/web');
    expect(endpointsByPort([kept], 'n2')).toEqual(endpointsByPort([slice], 'n2'));
    expect([...endpointsByPort([kept], 'n2').values()].flat().map((one) => one.local)).toEqual([
      ...[false, false, true, false],
    ]);
  });

  it('without endpoints and ports has none', () => {
    const kept = new KeptSlice({ addressType: 'IPv4', metadata } as unknown as EndpointSlice);
    expect(kept.endpoints).toEqual([]);
    expect(kept.ports).toBeUndefined();
  });

  it('has the same ports as others that say the same', () => {
    expect(new KeptSlice({ ...slice, ports: [...slice.ports!] }).ports).toBe(new KeptSlice(slice).ports);
  });
});

describe('a Service', () => {
  const service = {
    metadata,
    spec: {
      ...{
        type: 'LoadBalancer',
        clusterIP: '10.96.0.9',
        clusterIPs: ['10.96.0.9'],
        selector: { app: 'web' },
      },
      ...{ ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, nodePort: 30_080 }] },
      ...{ sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local', healthCheckNodePort: 32_000 },
    },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  } as unknown as Service;

  it('is read as the whole one', () => {
    const kept = keepService(service);
    expect(servicePorts(kept, [])).toEqual(servicePorts(service, []));
    expect(healthCheckPort(kept)).toEqual(healthCheckPort(service));
  });

  it('loses what nobody reads', () => {
    const kept = keepService(service);
    expect(kept.spec).not.toHaveProperty('selector');
    expect(kept.metadata.annotations).toEqual({ 'tendril.dev/service-balancing': 'maglev' });
  });
});
