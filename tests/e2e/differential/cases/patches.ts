/** The three older kinds of patches. */
import type { Case } from '../case.ts';
import { apps, configMap, core, json, merge, post, service, strategic, workload } from './objects.ts';

const map = `${core}/configmaps/m`;
const deployment = `${apps}/deployments/d`;
const web = `${core}/services/web`;
const createMap = post(`${core}/configmaps`, configMap('m', { data: { a: '1', 'b/c': '2', 'd~e': '3' } }));
const container = (containers: object[], more: object = {}) => ({
  spec: { template: { spec: { containers, ...more } } },
});

export const patchCases: Case[] = [
  {
    name: 'JSON patch: operations and pointers',
    steps: [
      createMap,
      json(map, [
        { op: 'replace', path: '/data/b~1c', value: 'x' },
        { op: 'remove', path: '/data/d~0e' },
      ]),
      json(map, [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'copy', from: '/data/a', path: '/data/z' },
      ]),
      json(map, [{ op: 'move', from: '/data/z', path: '/data/y' }]),
      json(map, [{ op: 'add', path: '/metadata/labels', value: { l: 'v' } }]),
      json(map, [{ op: 'add', path: '/metadata/finalizers', value: ['a.b/c', 'a.b/d'] }]),
      json(map, [{ op: 'add', path: '/metadata/finalizers/-', value: 'a.b/e' }]),
      json(map, [{ op: 'remove', path: '/metadata/finalizers/-1' }]),
      json(map, [{ op: 'replace', path: '/metadata/finalizers', value: null }]),
      json(map, []),
    ],
    compares: 'result',
  },
  {
    name: 'JSON patch: what is refused',
    steps: [
      createMap,
      json(map, [{ op: 'test', path: '/data/a', value: 'no' }]),
      json(map, [{ op: 'test', path: '/data/nothing', value: null }]),
      json(map, [{ op: 'remove', path: '/data/nothing' }]),
      json(map, [{ op: 'replace', path: '/data/nothing', value: 'x' }]),
      json(map, [{ op: 'add', path: '/nothing/there', value: 'x' }]),
      json(map, [{ op: 'add', path: 'data/a', value: 'x' }]),
      json(map, [{ op: 'fly', path: '/data/a', value: 'x' }]),
      json(map, [{ op: 'add', path: '/data/a' }]),
      json(map, [{ path: '/data/a' }]),
      json(map, [{ op: 'add', value: 'x' }]),
      json(map, { op: 'add' }),
      json(map, 'no json'),
      json(map, [{ op: 'replace', path: '', value: { data: {} } }]),
      json(map, [{ op: 'replace', path: '/metadata/name', value: 'other' }]),
      json(map, [{ op: 'replace', path: '/metadata/uid', value: 'other' }]),
      json(map, [{ op: 'replace', path: '/metadata/namespace', value: 'other' }]),
      json(map, [{ op: 'replace', path: '/kind', value: 'Secret' }]),
      json(map, [{ op: 'replace', path: '/apiVersion', value: 'v9' }]),
      json(map, [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }]),
      json(map, [{ op: 'replace', path: '/data/a', value: 7 }]),
      json(map, [{ op: 'remove', path: '/data' }]),
      json(`${core}/configmaps/none`, [{ op: 'remove', path: '/data' }]),
    ],
    compares: 'result',
  },
  {
    name: 'merge patch: nulls, other types, preconditions',
    steps: [
      createMap,
      merge(map, { data: { a: null, n: { x: null } } }),
      merge(map, { data: { a: null, n: 'x' }, metadata: { labels: { q: null } } }),
      merge(map, { data: 'x' }),
      merge(map, []),
      merge(map, 'null'),
      merge(map, ''),
      merge(map, '{"data":'),
      merge(map, { metadata: { resourceVersion: '1' } }),
      merge(map, { metadata: { uid: 'x' } }),
      merge(map, { metadata: { name: 'x' } }),
      merge(map, { metadata: { name: '' } }),
      merge(map, { metadata: null }),
      merge(map, {
        metadata: {
          creationTimestamp: null,
          generation: 7,
          selfLink: '/x',
          deletionTimestamp: '2030-01-01T00:00:00Z',
        },
      }),
      merge(map, { kind: 'Secret' }),
      merge(map, { data: null }),
    ],
    compares: 'result',
  },
  {
    name: 'strategic merge patch: lists by key and directives',
    steps: [
      post(`${apps}/deployments`, workload('Deployment', 'd')),
      strategic(deployment, container([{ name: 'd', image: 'busybox:1' }])),
      strategic(
        deployment,
        container([
          {
            name: 'c',
            env: [
              { name: 'A', value: '1' },
              { name: 'B', value: '2' },
            ],
          },
        ]),
      ),
      strategic(deployment, container([{ name: 'c', env: [{ name: 'A', $patch: 'delete' }] }])),
      strategic(deployment, container([{ name: 'd', $patch: 'delete' }])),
      strategic(deployment, container([{ image: 'x' }])),
      strategic(deployment, container([{ name: 'c', image: 'nginx:3' }, { $patch: 'replace' }])),
      strategic(deployment, container([{ name: 'e', image: 'nginx:3' }], { $setElementOrder: 1 })),
      strategic(
        deployment,
        container([{ name: 'a', image: 'x:1' }], {
          '$setElementOrder/containers': [{ name: 'a' }, { name: 'c' }],
        }),
      ),
      strategic(
        deployment,
        container([{ name: 'a', image: 'x:1' }], { '$setElementOrder/containers': [{ name: 'c' }] }),
      ),
      strategic(deployment, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }),
      strategic(deployment, { spec: { strategy: { $patch: 'replace', type: 'RollingUpdate' } } }),
      strategic(deployment, { spec: { strategy: { $retainKeys: ['rollingUpdate'], type: 'Recreate' } } }),
      strategic(deployment, { metadata: { labels: { $patch: 'replace', only: 'this' } } }),
      strategic(deployment, { metadata: { finalizers: ['a.b/c', 'a.b/d'] } }),
      strategic(deployment, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.b/c'] } }),
      strategic(deployment, { metadata: { '$deleteFromPrimitiveList/finalizers': 'a.b/d' } }),
      strategic(deployment, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.b/d'] } }),
      strategic(deployment, { metadata: { $patch: 'fly' } }),
      strategic(deployment, { spec: { template: { spec: { $patch: 'delete' } } } }),
      strategic(deployment, { $patch: 'delete' }),
      strategic(deployment, [1]),
    ],
    compares: 'result',
  },
  {
    name: 'strategic merge patch: a Service’s ports, whose merge key may be twice',
    steps: [
      post(
        `${core}/services`,
        service('web', {
          ports: [
            { name: 't', port: 53, protocol: 'TCP' },
            { name: 'u', port: 53, protocol: 'UDP' },
          ],
        }),
      ),
      strategic(web, { spec: { ports: [{ port: 53, targetPort: 5353 }] } }),
      strategic(web, { spec: { ports: [{ port: 53, protocol: 'UDP', name: 'u2' }] } }),
      strategic(web, { spec: { ports: [{ port: 80, name: 'w' }] } }),
      strategic(web, { spec: { ports: [{ port: 53, $patch: 'delete' }] } }),
      strategic(web, { spec: { selector: { $patch: 'replace', a: 'b' } } }),
    ],
    compares: 'result',
  },
  {
    name: 'types of patches that are not',
    steps: [
      createMap,
      { ...merge(map, {}), type: 'application/json' },
      { ...merge(map, {}), type: 'text/plain' },
    ],
    compares: 'result',
  },
];
