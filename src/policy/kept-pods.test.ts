import { expect, test } from 'vitest';
import { keyOf } from '../kube/meta.ts';
import fc from '../util/testing/properties.ts';
import { keepPod } from './kept-pods.ts';
import { anyNamespace, anyPod, anyPolicy } from './testing/arbitraries.ts';
import { plain, pod, TestCluster } from './testing/objects.ts';

test('of a pod what policies read is kept', () => {
  const given = pod('a/one', {
    labels: { app: 'x' },
    ips: ['10.0.0.1', 'fd00::1'],
    ports: ['web:80/TCP', ':9090/TCP'],
    sidecarPorts: ['metrics:9091/TCP'],
    initPorts: ['setup:1/TCP'],
    version: 7,
  });
  given.metadata.annotations = { long: 'text' };
  given.metadata.ownerReferences = [];
  given.status!.podIP = '10.0.0.1';
  given.status!.conditions = [{ type: 'Ready', status: 'True' }];
  expect(keepPod(given)).toEqual({
    metadata: {
      name: 'one',
      namespace: 'a',
      uid: 'uid of a/one',
      resourceVersion: '7',
      creationTimestamp: '2030-01-01T00:00:00Z',
      labels: { app: 'x' },
    },
    spec: {
      nodeName: 'elsewhere',
      containers: [
        {
          name: '',
          ports: [
            { name: 'web', protocol: 'TCP', containerPort: 80 },
            { name: 'metrics', protocol: 'TCP', containerPort: 9091 },
          ],
        },
      ],
    },
    status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] },
  });
});

test('an address that only podIP tells is kept too', () => {
  const given = pod('a/one');
  given.status = { phase: 'Running', podIP: '10.0.0.1' };
  expect(keepPod(given).status).toEqual({ phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] });
});

test('pods that are alike share what they are alike in', () => {
  const [a, b] = ['a/one', 'a/two'].map((key) =>
    keepPod(pod(key, { labels: { app: 'x' }, ports: ['web:80/TCP'] })),
  );
  expect(a!.metadata.labels).toBe(b!.metadata.labels);
  expect(a!.spec!.containers).toBe(b!.spec!.containers);
});

test('policies mean the same with what is kept', () => {
  const objects = fc.record({
    policies: fc.uniqueArray(anyPolicy, { selector: keyOf, maxLength: 4 }),
    namespaces: fc.uniqueArray(anyNamespace, { selector: keyOf, maxLength: 3 }),
    pods: fc.uniqueArray(anyPod, { selector: keyOf, minLength: 3, maxLength: 9 }),
  });
  fc.assert(
    fc.property(objects, ({ pods, ...others }) => {
      const kept = new TestCluster({ ...others, pods: pods.map(keepPod) });
      expect(plain(kept.state())).toEqual(plain(new TestCluster({ ...others, pods }).state()));
    }),
  );
});
