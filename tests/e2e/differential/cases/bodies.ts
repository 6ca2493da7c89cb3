/** Bodies and options of writes: what is read, warned of and refused. */
import type { Case } from '../case.ts';
import { apps, configMap, core, get, merge, pod, post, put, remove, workload } from './objects.ts';

const maps = `${core}/configmaps`;
const twice = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"1","a":"2"}}';
const twiceInYaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: "1"\n  a: "2"\n';
const strange = {
  ...pod('p', { containerz: [], containers: [{ name: 'c', image: 'x', imagee: 'y' }] }),
  extra: 1,
};

export const bodyCases: Case[] = [
  {
    name: 'unknown fields',
    steps: [
      '',
      '?fieldValidation=Warn',
      '?fieldValidation=Strict',
      '?fieldValidation=Ignore',
      '?fieldValidation=Loud',
    ].flatMap((how) => [post(`${core}/pods${how}${how ? '&' : '?'}dryRun=All`, strange)]),
  },
  {
    name: 'fields twice, in JSON and YAML',
    steps: ['', '?fieldValidation=Strict', '?fieldValidation=Ignore'].flatMap((how) => [
      post(`${maps}${how}${how ? '&' : '?'}dryRun=All`, twice),
      post(`${maps}${how}${how ? '&' : '?'}dryRun=All`, twiceInYaml, { type: 'application/yaml' }),
    ]),
  },
  {
    name: 'a patch that adds unknown fields',
    steps: [
      post(maps, configMap('m')),
      merge(`${maps}/m?fieldValidation=Strict`, { dota: {} }),
      merge(`${maps}/m`, { dota: {} }),
      merge(`${maps}/m?fieldValidation=Strict`, '{"data":{"a":"1","a":"2"}}'),
      merge(`${maps}/m`, '{"data":{"a":"1","a":"2"}}'),
    ],
  },
  {
    name: 'names of fields differ in case alone',
    steps: [post(`${maps}?dryRun=All`, { ...configMap('m'), Data: { a: 'b' } })],
  },
  {
    name: 'bodies that are no object of the kind',
    steps: [
      post(maps, ''),
      post(maps, '[]'),
      post(maps, 'null'),
      post(maps, '"x"'),
      post(maps, '{'),
      post(maps, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'm' } }),
      post(maps, { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'm' } }),
      post(maps, { kind: 'ConfigMap', metadata: { name: 'm' } }),
      post(maps, { apiVersion: 'v1', metadata: { name: 'n' } }),
      post(maps, { metadata: { name: 'o' } }),
      post(maps, { apiVersion: 'v1', kind: 'ConfigMap' }),
      post(maps, configMap('m', { data: { a: 1 } })),
      post(maps, configMap('m', { metadata: [] })),
      post(maps, configMap('m'), { type: 'text/plain' }),
      post(maps, configMap('q'), { type: 'application/json; charset=utf-8' }),
      post(maps, configMap('m'), { type: 'application/octet-stream' }),
    ],
    compares: 'result',
  },
  {
    name: 'metadata of new objects',
    steps: [
      post(`${maps}?dryRun=All`, configMap('m', { metadata: { name: 'm', resourceVersion: '7' } })),
      post(
        `${maps}?dryRun=All`,
        configMap('m', {
          metadata: {
            name: 'm',
            uid: 'x',
            generation: 9,
            selfLink: 'x',
            creationTimestamp: '2020-01-01T00:00:00Z',
          },
        }),
      ),
      post(`${maps}?dryRun=All`, configMap('', { metadata: { generateName: 'g-' } })),
      post(`${maps}?dryRun=All`, configMap('Bad_Name')),
      post(`${maps}?dryRun=All`, configMap('m', { metadata: { name: 'm', namespace: 'other' } })),
      post(
        '/api/v1/configmaps',
        configMap('elsewhere', { metadata: { name: 'elsewhere', namespace: '{ns}' } }),
      ),
      post(`${maps}?dryRun=All`, configMap('m', { metadata: { name: 'm', labels: { ok: 'no good!' } } })),
      post(`${maps}?dryRun=All`, configMap('m', { metadata: { name: 'm', annotations: { 'A B': 'x' } } })),
      post(`${maps}?dryRun=All`, configMap('m', { metadata: { name: 'm', finalizers: ['nodomain'] } })),
      post(
        `${maps}?dryRun=All`,
        configMap('m', { metadata: { name: 'm', ownerReferences: [{ kind: 'Pod', name: 'x' }] } }),
      ),
      post(
        `${maps}?dryRun=All`,
        configMap('m', { metadata: { name: 'm', labels: {}, annotations: null, finalizers: [] } }),
      ),
      post('/api/v1/namespaces/{ns}-none/configmaps', configMap('m')),
      post(`${maps}?dryRun=Some`, configMap('m')),
      post(`${maps}?dryRun=All&dryRun=All`, configMap('m')),
      post(`${maps}?fieldManager=${'x'.repeat(129)}&dryRun=All`, configMap('m')),
    ],
  },
  {
    name: 'updates: what may be left out, what must fit',
    steps: [
      post(maps, configMap('m', { data: { a: '1' } })),
      put(`${maps}/m`, configMap('other')),
      put(`${maps}/m`, configMap('m', { metadata: {} })),
      put(`${maps}/m`, configMap('m', { metadata: { name: 'm', resourceVersion: '1' } })),
      put(`${maps}/m`, configMap('m', { metadata: { name: 'm', resourceVersion: 'x' } })),
      put(`${maps}/m`, configMap('m', { metadata: { name: 'm', uid: 'x' } })),
      put(`${maps}/m`, configMap('m', { metadata: { name: 'm', namespace: 'other' } })),
      put(`${maps}/none`, configMap('none')),
      put(`${maps}/m`, configMap('m', { immutable: true, data: { a: '2' } })),
      put(`${maps}/m`, configMap('m', { immutable: true, data: { a: '3' } })),
      put(`${maps}/m`, configMap('m', { immutable: false, data: { a: '2' } })),
    ],
  },
  {
    name: 'an object larger than etcd takes, and a request larger than is read',
    steps: [
      post(maps, configMap('m', { data: { a: 'x'.repeat(1_048_577) } })),
      post(`${core}/pods`, pod('p', {}, { annotations: { a: 'x'.repeat(262_145) } })),
      post('/apis/coordination.k8s.io/v1/namespaces/{ns}/leases', {
        metadata: { name: 'l' },
        spec: { holderIdentity: 'x'.repeat(1_600_000) },
      }),
      post(`${apps}/controllerrevisions`, {
        metadata: { name: 'r' },
        data: { x: 'x'.repeat(1_600_000) },
        revision: 1,
      }),
      post(maps, configMap('m', { data: { a: 'x'.repeat(3_200_000) } })),
    ],
    compares: 'result',
  },
  {
    name: 'dry runs leave nothing behind',
    steps: [
      post(`${apps}/deployments?dryRun=All`, workload('Deployment', 'd')),
      get(`${apps}/deployments/d`),
      post(maps, configMap('m')),
      remove(`${maps}/m?dryRun=All`),
      remove(`${maps}?dryRun=All`),
      merge(`${maps}/m?dryRun=All`, { data: { a: 'b' } }),
      get(`${maps}/m`),
    ],
  },
];
