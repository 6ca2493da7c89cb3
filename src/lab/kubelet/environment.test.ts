import { describe, expect, test } from 'vitest';
import type { ConfigMap, Container, Pod, Secret, Service } from '../../kube/types.ts';
import { containerEnvironment } from './environment.ts';
import { serviceLinks } from './service-links.ts';

const pod = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u-1',
    labels: { app: 'web', tier: 'front' },
    annotations: { note: 'a "b"' },
  },
  spec: { nodeName: 'node-1', containers: [] },
} as unknown as Pod;

const paint = { data: { color: 'red', size: '3' } } as unknown as ConfigMap;
const key = { data: { token: Buffer.from('s3cret').toString('base64') } } as unknown as Secret;

function environment(container: Partial<Container>, change: { enableServiceLinks?: boolean } = {}) {
  return containerEnvironment({
    container: { name: 'app', ...container },
    context: {
      pod: { ...pod, spec: { ...pod.spec!, ...change } } as Pod,
      hostIps: ['172.20.0.11', 'fd00::11'],
      podIps: ['10.244.1.5', 'fd00::5'],
      allocatable: { cpu: '4', memory: '8Gi' },
    },
    services: [service('shop', 'redis-cart', '10.96.0.7', [{ port: 6379 }])],
    config: {
      configMap: async (name) => (name === 'paint' ? paint : undefined),
      secret: async (name) => (name === 'key' ? key : undefined),
    },
    hostname: 'web',
  });
}

function service(namespace: string, name: string, clusterIP: string, ports: object[]): Service {
  return { metadata: { name, namespace }, spec: { clusterIP, ports } } as unknown as Service;
}

describe('env', () => {
  test.each<[string, Partial<Container>, Record<string, string>]>([
    ['a value', { env: [{ name: 'A', value: '1' }] }, { A: '1', HOSTNAME: 'web' }],
    [
      'a reference to what came before',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '$(A)-$(C)' },
          { name: 'C', value: '2' },
        ],
      },
      { B: '1-$(C)' },
    ],
    [
      'a reference to a Service link',
      { env: [{ name: 'A', value: '$(REDIS_CART_SERVICE_HOST)' }] },
      { A: '10.96.0.7' },
    ],
    [
      'envFrom with a prefix',
      { envFrom: [{ prefix: 'P_', configMapRef: { name: 'paint' } }] },
      { P_color: 'red', P_size: '3' },
    ],
    [
      'env over envFrom',
      { envFrom: [{ configMapRef: { name: 'paint' } }], env: [{ name: 'color', value: 'blue' }] },
      { color: 'blue' },
    ],
    [
      'a Secret',
      { env: [{ name: 'T', valueFrom: { secretKeyRef: { name: 'key', key: 'token' } } }] },
      { T: 's3cret' },
    ],
    [
      'a field',
      { env: [{ name: 'IPS', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } }] },
      { IPS: '10.244.1.5,fd00::5' },
    ],
    [
      'a label',
      { env: [{ name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }] },
      { L: 'web' },
    ],
    [
      'a limit, in units',
      {
        resources: { limits: { cpu: '250m' } },
        env: [{ name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } }],
      },
      { C: '250' },
    ],
    [
      'a limit that is not set: what the node has',
      {
        env: [{ name: 'M', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Gi' } } }],
      },
      { M: '8' },
    ],
  ])('%s', async (_name, container, expected) => {
    expect(await environment(container)).toMatchObject(expected);
  });

  test.each<[string, Partial<Container>]>([
    ['configmap "none" not found', { envFrom: [{ configMapRef: { name: 'none' } }] }],
    [
      'secret "none" not found',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'none', key: 'k' } } }] },
    ],
    [
      "couldn't find key k in ConfigMap shop/paint",
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'paint', key: 'k' } } }] },
    ],
  ])('%s', async (message, container) => {
    await expect(environment(container)).rejects.toThrow(message);
  });

  test('what is optional and missing is left out', async () => {
    const env = await environment({
      envFrom: [{ secretRef: { name: 'none', optional: true } }],
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'paint', key: 'k', optional: true } } }],
    });
    expect(env).not.toHaveProperty('A');
  });

  test('enableServiceLinks: false leaves Services of the namespace out', async () => {
    expect(await environment({}, { enableServiceLinks: false })).not.toHaveProperty(
      'REDIS_CART_SERVICE_HOST',
    );
  });
});

describe('Service links', () => {
  const services = [
    service('default', 'kubernetes', '10.96.0.1', [{ name: 'https', port: 443, protocol: 'TCP' }]),
    service('shop', 'dns', 'fd00::a', [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53, protocol: 'TCP' },
    ]),
    service('shop', 'headless', 'None', [{ port: 1 }]),
    service('other', 'far', '10.96.0.9', [{ port: 1 }]),
  ];

  test('are of the own namespace and of default/kubernetes', () => {
    expect(serviceLinks({ namespace: 'shop', enabled: true, services })).toEqual({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
      DNS_SERVICE_HOST: 'fd00::a',
      DNS_SERVICE_PORT: '53',
      DNS_SERVICE_PORT_DNS: '53',
      DNS_SERVICE_PORT_TCP: '53',
      DNS_PORT: 'udp://[fd00::a]:53',
      DNS_PORT_53_UDP: 'udp://[fd00::a]:53',
      DNS_PORT_53_UDP_PROTO: 'udp',
      DNS_PORT_53_UDP_PORT: '53',
      DNS_PORT_53_UDP_ADDR: 'fd00::a',
      DNS_PORT_53_TCP: 'tcp://[fd00::a]:53',
      DNS_PORT_53_TCP_PROTO: 'tcp',
      DNS_PORT_53_TCP_PORT: '53',
      DNS_PORT_53_TCP_ADDR: 'fd00::a',
    });
  });

  test('switched off, only kubernetes stays', () => {
    const links = serviceLinks({ namespace: 'shop', enabled: false, services });
    expect(Object.keys(links).every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
  });
});
