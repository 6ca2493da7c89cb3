/** Server-side apply: who owns what, and what an omission does. */
import type { Case } from '../case.ts';
import type { Json } from '../exchange.ts';
import { apply, apps, configMap, core, get, merge, pod, post, put, service, workload } from './objects.ts';

const by = (name: string, more = '') => `?fieldManager=${name}${more}`;
const map = `${core}/configmaps/m`;
const deployment = `${apps}/deployments/d`;
const web = `${core}/services/web`;

export const applyCases: Case[] = [
  {
    name: 'a manager that omits a field removes it, where nobody else has it',
    steps: [
      apply(map + by('one'), configMap('m', { data: { a: '1', b: '1' } })),
      apply(map + by('two'), configMap('m', { data: { b: '1' } })),
      apply(map + by('one'), configMap('m', { data: {} })),
      apply(map + by('two'), configMap('m')),
    ],
  },
  {
    name: 'a conflict, force, and what the loser owns then',
    steps: [
      apply(map + by('one'), configMap('m', { data: { a: '1', b: '1' } })),
      apply(map + by('two'), configMap('m', { data: { a: '2', b: '2' } })),
      apply(map + by('two', '&force=true'), configMap('m', { data: { a: '2', b: '2' } })),
      apply(map + by('one'), configMap('m', { data: { a: '1', b: '2' } })),
    ],
  },
  {
    name: 'an update over an apply, and a second one of the same manager',
    steps: [
      apply(map + by('one'), configMap('m', { data: { a: '1' } })),
      merge(map + by('one'), { data: { a: '2', c: '3' } }),
      merge(map + by('other'), { data: { a: null } }),
      apply(map + by('one'), configMap('m', { data: { a: '1' } })),
    ],
  },
  {
    name: 'managers may be cleared and may not be forged',
    steps: [
      apply(map + by('one'), configMap('m', { data: { a: '1' } })),
      merge(map, { metadata: { managedFields: [{}] } }),
      apply(map + by('two'), configMap('m', { data: { a: '2' } })),
      merge(map, { metadata: { managedFields: [] } }),
      merge(map, { metadata: { managedFields: [{ manager: 'x', operation: 'Nothing' }] } }),
      merge(map, {
        metadata: {
          managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1', fieldsType: 'V2' }],
        },
      }),
      put(map, configMap('m', { data: { a: '9' } })),
    ],
  },
  {
    name: 'an apply needs a manager, a body, and options that fit',
    steps: [
      apply(map, configMap('m')),
      apply(map + by('one', '&force=maybe'), configMap('m')),
      apply(map + by('x'.repeat(129)), configMap('m')),
      apply(map + by('%01'), configMap('m')),
      apply(map + by('one'), { apiVersion: 'v1', kind: 'ConfigMap' }),
      apply(map + by('one'), configMap('other')),
      apply(map + by('one'), { kind: 'ConfigMap', metadata: { name: 'm' } }),
      apply(map + by('one'), { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'm' } }),
      apply(map + by('one'), configMap('m', { metadata: { name: 'm', managedFields: [] } })),
      apply(map + by('one'), configMap('m', { metadata: { name: 'm', uid: 'x', resourceVersion: '1' } })),
      apply(map + by('one'), 'a: b: c'),
      merge(`${map}?force=true`, { data: {} }),
    ],
  },
  {
    name: 'a configuration with fields that the schema does not know, twice, or of another type',
    steps: [
      apply(map + by('one'), configMap('m', { dota: { a: '1' } })),
      apply(map + by('one', '&fieldValidation=Strict'), configMap('m', { dota: { a: '1' } })),
      apply(map + by('one'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: x, a: y}\n'),
      apply(
        map + by('one', '&fieldValidation=Strict'),
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: x, a: y}\n',
      ),
      apply(map + by('one'), configMap('m', { data: { a: 1 } })),
      apply(map + by('one'), configMap('m', { data: ['a'] })),
    ],
    compares: 'result',
  },
  {
    name: 'list maps: keys with defaults, missing and twice',
    steps: [
      apply(web + by('one'), service('web', { ports: [{ port: 80, name: 'a' }] })),
      apply(web + by('two'), service('web', { ports: [{ port: 80, protocol: 'UDP', name: 'b' }] })),
      apply(web + by('one'), service('web', { ports: [{ name: 'a' }] })),
      apply(
        web + by('one'),
        service('web', {
          ports: [
            { port: 80, name: 'a' },
            { port: 80, name: 'c' },
          ],
        }),
      ),
      apply(web + by('one'), service('web', { ports: [{ port: 81, name: 'a' }] })),
    ],
  },
  {
    name: 'list maps in lists: a container, its ports and environment',
    steps: [
      apply(deployment + by('one'), workload('Deployment', 'd')),
      apply(deployment + by('two'), {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } },
        spec: {
          template: { spec: { containers: [{ name: 'c', env: [{ name: 'E', value: '1' }], args: ['x'] }] } },
        },
      }),
      apply(
        deployment + by('one', '&force=1'),
        workload('Deployment', 'd', {
          template: {
            metadata: { labels: { a: 'b' } },
            spec: {
              containers: [{ name: 'c', image: 'nginx:2', args: ['y'], ports: [{ containerPort: 80 }] }],
            },
          },
        }),
      ),
      apply(deployment + by('two'), { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } }),
    ],
  },
  {
    name: 'status is another manager’s part, and an apply of the object leaves it',
    steps: [
      apply(deployment + by('one'), workload('Deployment', 'd')),
      apply(`${deployment}/status${by('one')}`, {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } },
        spec: { replicas: 7 },
        status: { replicas: 3, conditions: [{ type: 'X', status: 'True' }] },
      }),
      apply(deployment + by('one'), { ...workload('Deployment', 'd'), status: { replicas: 5 } }),
      apply(`${deployment}/status${by('one')}`, {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } },
      }),
      apply(`${apps}/deployments/none/status${by('one')}`, {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'none' },
      }),
    ],
  },
  {
    name: 'scale takes over replicas from whoever applied them',
    steps: [
      apply(deployment + by('one'), workload('Deployment', 'd', { replicas: 0 })),
      merge(`${deployment}/scale${by('scaler')}`, { spec: { replicas: 2 } }),
      get(deployment),
      apply(deployment + by('one'), workload('Deployment', 'd', { replicas: 0 })),
      apply(`${deployment}/scale${by('applier', '&force=true')}`, {
        ...{ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' } },
        spec: { replicas: 1 },
      }),
      get(deployment),
    ],
  },
  {
    name: 'an apply that changes nothing makes no revision, and dry run none either',
    steps: [
      apply(map + by('one'), configMap('m', { data: { a: '1' } })),
      apply(map + by('one'), configMap('m', { data: { a: '1' } })),
      apply(map + by('two', '&dryRun=All'), configMap('m', { data: { b: '1' } })),
      get(map),
      (earlier) => {
        const [first, second, , last] = earlier.map(({ body }) => (body as Json).metadata.resourceVersion);
        return get(`${core}/configmaps/${first === second && second === last ? 'same' : 'different'}`);
      },
    ],
  },
  {
    name: 'from client-side apply: its manager’s fields are taken over',
    steps: [
      post(`${core}/configmaps${by('kubectl-client-side-apply')}`, {
        ...configMap('m', { data: { a: '1', b: '1' } }),
        metadata: {
          name: 'm',
          annotations: {
            'kubectl.kubernetes.io/last-applied-configuration':
              '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1","b":"1"}}\n',
          },
        },
      }),
      apply(map + by('kubectl'), configMap('m', { data: { a: '2' } })),
      apply(map + by('kubectl', '&force=true'), configMap('m', { data: { a: '2' } })),
      merge(map + by('kubectl-client-side-apply'), { data: { c: '3' } }),
    ],
  },
  {
    name: 'atomic lists, sets and finalizers',
    steps: [
      apply(
        map + by('one'),
        configMap('m', { metadata: { name: 'm', finalizers: ['a.b/c'], labels: { x: 'y' } } }),
      ),
      apply(map + by('two'), configMap('m', { metadata: { name: 'm', finalizers: ['a.b/d'] } })),
      apply(map + by('one'), configMap('m')),
      merge(map, { metadata: { finalizers: null } }),
      apply(`${core}/pods/p${by('one')}`, pod('p', { tolerations: [{ key: 'a', operator: 'Exists' }] })),
      apply(`${core}/pods/p${by('two')}`, {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
        spec: { tolerations: [{ key: 'b', operator: 'Exists' }] },
      }),
    ],
  },
];
