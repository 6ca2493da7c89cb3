/** What DELETE does, at once or in the end. */
import type { Case } from '../case.ts';
import type { Json } from '../exchange.ts';
import { apps, configMap, core, get, merge, pod, post, put, remove, service, workload } from './objects.ts';

const maps = `${core}/configmaps`;
const meta = (body: unknown) => (body as Json).metadata;

export const deletionCases: Case[] = [
  {
    name: 'preconditions and options',
    steps: [
      post(maps, configMap('m')),
      remove(`${maps}/m`, { preconditions: { uid: 'x' } }),
      remove(`${maps}/m`, { preconditions: { resourceVersion: '1' } }),
      remove(`${maps}/m`, { propagationPolicy: 'Sideways' }),
      remove(`${maps}/m`, { propagationPolicy: 'Orphan', orphanDependents: true }),
      remove(`${maps}/m`, { gracePeriodSeconds: 'x' }),
      remove(`${maps}/m`, { kind: 'ConfigMap', apiVersion: 'v1' }),
      remove(`${maps}/m`, { kind: 'DeleteOptions', apiVersion: 'v1', unknown: 1 }),
      remove(`${maps}/m`),
      post(maps, configMap('m')),
      remove(`${maps}/m?gracePeriodSeconds=x`),
      remove(`${maps}/m?propagationPolicy=Sideways`),
      remove(`${maps}/m?gracePeriodSeconds=-1`),
      remove(`${maps}/none`),
    ],
  },
  {
    name: 'finalizers',
    steps: [
      post(maps, configMap('m', { metadata: { name: 'm', finalizers: ['a.b/c'] } })),
      remove(`${maps}/m`),
      remove(`${maps}/m`),
      merge(`${maps}/m`, { metadata: { finalizers: ['a.b/c', 'a.b/d'] } }),
      merge(`${maps}/m`, { data: { still: 'writable' } }),
      post(maps, configMap('m')),
      remove(`${maps}/m`, { propagationPolicy: 'Foreground' }),
      merge(`${maps}/m`, { metadata: { finalizers: null } }),
    ],
  },
  {
    name: 'pods: grace periods',
    steps: [
      post(`${core}/pods`, pod('p')),
      remove(`${core}/pods/p`),
      post(`${core}/pods`, pod('p', { nodeName: 'nowhere' })),
      remove(`${core}/pods/p`),
      remove(`${core}/pods/p`, { gracePeriodSeconds: 60 }),
      remove(`${core}/pods/p`, { gracePeriodSeconds: 5 }),
      remove(`${core}/pods/p?gracePeriodSeconds=-7`),
      remove(`${core}/pods/p`, { gracePeriodSeconds: 0 }),
      get(`${core}/pods/p`),
      post(`${core}/pods`, pod('q', { nodeName: 'nowhere', terminationGracePeriodSeconds: 0 })),
      remove(`${core}/pods/q`),
      post(`${core}/pods`, pod('r', { nodeName: 'nowhere' })),
      remove(`${core}/pods/r?dryRun=All`),
      remove(`${core}/pods/r`, { gracePeriodSeconds: 0, preconditions: { uid: 'x' } }),
      remove(`${core}/pods/r?gracePeriodSeconds=0`),
    ],
  },
  {
    name: 'collections',
    steps: [
      ...['a', 'b', 'c'].map((name) =>
        post(maps, configMap(name, { metadata: { name, labels: { mine: name } } })),
      ),
      remove(`${maps}?labelSelector=mine%3Da`),
      remove(`${maps}?labelSelector=mine&limit=1`),
      get(`${maps}?labelSelector=mine`),
      remove(`${maps}?labelSelector=mine`, { preconditions: { uid: 'x' } }),
      remove(`${maps}?labelSelector=mine%3D%3D%3D`),
      remove(`${maps}?fieldSelector=metadata.name%3Dc`),
      get(`${maps}?labelSelector=mine`),
      remove('/api/v1/namespaces'),
      remove('/api/v1/configmaps'),
      post(`${core}/services`, service('s')),
      remove(`${core}/services`),
    ],
  },
  {
    name: 'what the answer of a deletion is',
    steps: [
      post(`${core}/services`, service('s')),
      remove(`${core}/services/s`),
      post(`${apps}/deployments`, workload('Deployment', 'd')),
      remove(`${apps}/deployments/d`),
      post(`${core}/serviceaccounts`, { metadata: { name: 'x' } }),
      remove(`${core}/serviceaccounts/x`),
      post(`${core}/secrets`, { metadata: { name: 'x' } }),
      remove(`${core}/secrets/x`),
      post(`${apps}/replicasets`, workload('ReplicaSet', 'r', { replicas: 0 })),
      remove(`${apps}/replicasets/r`, { propagationPolicy: 'Orphan', dryRun: ['All'] }),
      remove(`${apps}/replicasets/r`, { propagationPolicy: 'Background' }),
    ],
  },
  {
    name: 'namespaces',
    steps: [
      remove('/api/v1/namespaces/default'),
      post('/api/v1/namespaces', { metadata: { name: '{ns}-x', finalizers: ['a.b/c'] } }),
      post(
        '/api/v1/namespaces/{ns}-x/configmaps',
        configMap('m', { metadata: { name: 'm', finalizers: ['a.b/c'] } }),
      ),
      remove('/api/v1/namespaces/{ns}-x'),
      post('/api/v1/namespaces/{ns}-x/configmaps', configMap('n')),
      put('/api/v1/namespaces/{ns}-x/finalize', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: '{ns}-x' },
        spec: { finalizers: ['kubernetes', 'Bad'] },
      }),
      post('/api/v1/namespaces', { metadata: { name: 'Bad' } }),
      post('/api/v1/namespaces', { metadata: { name: 'a.b' } }),
      post('/api/v1/namespaces?dryRun=All', {
        metadata: { name: '{ns}-y', labels: { 'kubernetes.io/metadata.name': 'lie' } },
      }),
    ],
    compares: 'result',
  },
  {
    name: 'a uid that is expected and is there',
    steps: [
      post(maps, configMap('m')),
      (earlier) =>
        remove(`${maps}/m`, {
          preconditions: {
            uid: meta(earlier[0]!.body).uid,
            resourceVersion: meta(earlier[0]!.body).resourceVersion,
          },
        }),
    ],
  },
];
