import { describe, expect, test } from 'vitest';
import { realNodeNames, realObjects, upOptions } from './objects.ts';

test('nodes are named as the cluster has them, in every place, and nothing is pulled', () => {
  const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: node-1-and-more}
spec:
  template:
    spec:
      nodeSelector: {'kubernetes.io/hostname': node-3}
      affinity: {values: [node-1, node-2]}
      initContainers: [{name: first, image: one}]
      containers: [{name: second, image: two, imagePullPolicy: Always}]
`;
  expect(realObjects(manifest)).toEqual([
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'node-1-and-more' } },
      spec: {
        template: {
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': 'n0' },
            affinity: { values: ['n1', 'n2'] },
            initContainers: [{ name: 'first', image: 'one', imagePullPolicy: 'Never' }],
            containers: [{ name: 'second', image: 'two', imagePullPolicy: 'Never' }],
          },
        },
      },
    },
  ]);
});

describe('of the options of up', () => {
  test('those that say how many nodes there are and how long to wait are taken', () => {
    expect(upOptions([])).toEqual({ nodes: realNodeNames.length, wait: true });
    expect(upOptions(['--nodes', '2', '--no-wait', '--fast-probes'])).toEqual({ nodes: 2, wait: false });
  });

  test.each([[['--ip-family', 'ipv4']], [['--nodes', '2', '--xdp', 'native']], [['--nodes', '50']]])(
    '%s is a lab’s alone',
    (args) => {
      expect(() => upOptions(args)).toThrow(/lab|has 3/);
    },
  );
});
