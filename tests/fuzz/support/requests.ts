/** Requests that are nearly right: real paths, parameters and objects, with something else here and there. */
import fc from 'fast-check';
import type { JsonObject } from '../../../src/lab/apiserver/json.ts';

export interface Fuzzed {
  method: string;
  url: string;
  contentType?: string;
  body?: unknown;
}

const odd = fc.oneof(
  fc.constantFrom('', '..', '%2e%2e', '%00', '%ff', '__proto__', 'constructor', 'toString', '*', '%2f', 'a'.repeat(300)), // biome-ignore format: one line
  fc.string({ maxLength: 12 }).map(encodeURIComponent),
);
/** Mostly one of these. */
const mostly = (...usual: string[]) =>
  fc.oneof({ arbitrary: fc.constantFrom(...usual), weight: 12 }, { arbitrary: odd, weight: 1 });

const group = mostly('api/v1', 'apis/apps/v1', 'apis/discovery.k8s.io/v1', 'apis/batch/v1', 'apis/networking.k8s.io/v1', 'apis/rbac.authorization.k8s.io/v1', 'apis/apiextensions.k8s.io/v1', 'apis/policy/v1', 'apis/authorization.k8s.io/v1', 'apis/nowhere/v9'); // biome-ignore format: one line
const plural = mostly('pods', 'services', 'configmaps', 'secrets', 'serviceaccounts', 'endpoints', 'events', 'nodes', 'namespaces', 'deployments', 'replicasets', 'statefulsets', 'daemonsets', 'jobs', 'endpointslices', 'networkpolicies', 'roles', 'rolebindings', 'customresourcedefinitions', 'poddisruptionbudgets', 'selfsubjectaccessreviews'); // biome-ignore format: one line
const name = mostly('a', 'b', 'x', 'default');
const subresource = mostly('status', 'scale', 'log', 'exec', 'attach', 'portforward', 'proxy', 'eviction', 'binding', 'token', 'finalize'); // biome-ignore format: one line

const path = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(group, plural).map(([g, p]) => `/${g}/namespaces/default/${p}`) },
  { weight: 4, arbitrary: fc.tuple(group, plural, name).map(([g, p, n]) => `/${g}/namespaces/default/${p}/${n}`) }, // biome-ignore format: one line
  { weight: 2, arbitrary: fc.tuple(group, plural, name, subresource).map(([g, p, n, s]) => `/${g}/namespaces/default/${p}/${n}/${s}`) }, // biome-ignore format: one line
  { weight: 2, arbitrary: fc.tuple(group, plural).map(([g, p]) => `/${g}/${p}`) },
  { weight: 1, arbitrary: fc.tuple(group, plural, name).map(([g, p, n]) => `/${g}/watch/${p}/${n}`) },
  { weight: 1, arbitrary: fc.array(odd, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`) },
  { weight: 1, arbitrary: fc.constantFrom('/openapi/v2', '/openapi/v3', '/openapi/v3/apis/apps/v1', '/version', '/apis', '/api', '/openid/v1/jwks') }, // biome-ignore format: one line
);

const values: Record<string, fc.Arbitrary<string>> = {
  limit: mostly('1', '0', '-1', '9007199254740993', '1e3'),
  continue: mostly('eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ', 'x', 'bnVsbA', 'W10'),
  labelSelector: mostly('a=b', 'a in (b,c)', '!a', 'a notin ()', 'a>1', '(((', ',,'),
  fieldSelector: mostly('metadata.name=a', 'spec.nodeName!=x', '=', 'status..phase=x', 'constructor=x'),
  resourceVersion: mostly('0', '1', '99999999999', '-1', 'x'),
  resourceVersionMatch: mostly('Exact', 'NotOlderThan', 'x'),
  watch: mostly('true', '1', 'false'),
  timeoutSeconds: mostly('0', '-1', '1', 'x'),
  sendInitialEvents: mostly('true', 'false'),
  allowWatchBookmarks: mostly('true'),
  dryRun: mostly('All', 'None'),
  fieldManager: mostly('m', 'other'),
  force: mostly('true', 'false'),
  fieldValidation: mostly('Strict', 'Warn', 'Ignore'),
  propagationPolicy: mostly('Orphan', 'Foreground', 'Background'),
  gracePeriodSeconds: mostly('0', '-1', '10'),
  container: mostly('c'),
  follow: mostly('true'),
  tailLines: mostly('1', '-1'),
};
const query = fc
  .array(
    fc.constantFrom(...Object.keys(values)).chain((key) => values[key]!.map((value) => [key, value])),
    { maxLength: 3 },
  )
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([k, v]) => `${k}=${v}`).join('&')}`));

const template = {
  metadata: { labels: { a: 'b' } },
  spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }], env: [{ name: 'E' }] }] },
};
const metadata = { name: 'a', labels: { a: 'b' }, annotations: { a: 'b' }, finalizers: ['example.com/x'] };
const plain = { ...metadata, finalizers: [] };
const roots: JsonObject[] = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: plain, data: { key: 'value' } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { key: 'value' } },
  { apiVersion: 'v1', kind: 'Pod', metadata: plain, spec: template.spec },
  { apiVersion: 'v1', kind: 'Service', metadata: plain, spec: { type: 'NodePort', selector: { a: 'b' }, ports: [{ name: 'x', port: 80, targetPort: 'http' }] } }, // biome-ignore format: one line
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: plain, spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template } }, // biome-ignore format: one line
  { apiVersion: 'batch/v1', kind: 'Job', metadata: plain, spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } }, // biome-ignore format: one line
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: plain, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }] }, // biome-ignore format: one line
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: plain, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }, // biome-ignore format: one line
  { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: { verb: 'get' } } }, // biome-ignore format: one line
];
const resourceOf: Record<string, string> = {
  ConfigMap: '/api/v1/namespaces/default/configmaps',
  Pod: '/api/v1/namespaces/default/pods',
  Service: '/api/v1/namespaces/default/services',
  Deployment: '/apis/apps/v1/namespaces/default/deployments',
  Job: '/apis/batch/v1/namespaces/default/jobs',
  EndpointSlice: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles',
  SelfSubjectAccessReview: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
};

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, '', 0, -1, 1e308, 2 ** 53, true, [], {}, [null], [[]], { '': null }, 'constructor'),
);

/** What stands at a place of the object is replaced, added or taken away. */
const change = fc.record({ steps: fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 7 }), to: value, drop: fc.boolean(), extra: fc.option(fc.string({ maxLength: 4 }).filter((key) => key !== '__proto__')) }); // biome-ignore format: one line

/** Walks down by the numbers, whatever there is, and changes what it comes to. */
function mutate(
  root: JsonObject,
  { steps, to: value, drop, extra }: { steps: number[]; to: unknown; drop: boolean; extra: string | null },
): void {
  // The next change may walk into it: put in twice it would come to contain itself.
  const to = structuredClone(value);
  // biome-ignore format: one line
  let at: Record<string, unknown> = root;
  for (const [i, step] of steps.entries()) {
    const keys = Object.keys(at);
    const key = keys[step % Math.max(keys.length, 1)];
    if (key === undefined) return;
    const next = at[key];
    if (i < steps.length - 1 && typeof next === 'object' && next !== null) {
      at = next as Record<string, unknown>;
      continue;
    }
    if (extra !== null && !Array.isArray(at)) at[extra] = to;
    else if (drop) delete at[key];
    else at[key] = to;
    // A hole is no JSON.
    if (Array.isArray(at) && drop) at.splice(Number(key), 1);
    return;
  }
}

const object = fc
  .tuple(fc.constantFrom(...roots), fc.array(change, { maxLength: 3 }))
  .map(([root, changes]) => {
    const copy = structuredClone(root);
    for (const each of changes) mutate(copy, each);
    return { root, copy };
  });

const pointer = fc.oneof(
  fc.constantFrom('', '/', '/metadata', '/metadata/name', '/metadata/labels', '/metadata/labels/a', '/metadata/finalizers/-', '/spec/ports/0', '/spec/ports/-', '/spec/template/spec/containers/0/env/0', '/data/key', '/__proto__/x', '/constructor/prototype/x', '/spec/ports/99', '/spec/ports/-1', '/metadata/~2', '/kind'), // biome-ignore format: one line
  fc.string({ maxLength: 8 }).map((text) => `/${text}`),
);
const jsonPatch = fc.array(
  fc.record(
    { op: mostly('add', 'remove', 'replace', 'move', 'copy', 'test'), path: pointer, from: pointer, value },
    { requiredKeys: ['op', 'path'] },
  ),
  { maxLength: 6 },
);
const directive = fc.constantFrom<JsonObject>(
  { $patch: 'replace' },
  { $patch: 'delete' },
  { $patch: 'merge' },
  { $patch: 7 },
  { $retainKeys: ['a'] },
  { $retainKeys: 3 },
  { '$setElementOrder/ports': [{ port: 80 }] },
  { '$setElementOrder/containers': 'x' },
  { '$deleteFromPrimitiveList/finalizers': ['example.com/x', 5] },
  { ports: [{ $patch: 'delete', port: 80 }] },
  { ports: [{ $patch: 'replace' }] },
  { containers: [{ $patch: 'delete' }, null] },
);
const withDirective = fc
  .tuple(object, fc.option(directive), fc.constantFrom('', 'metadata', 'spec', 'data'))
  .map(([{ root, copy }, more, where]) => {
    // biome-ignore format: one line
    const at = where === '' ? copy : copy[where];
    if (more !== null && typeof at === 'object' && at !== null && !Array.isArray(at)) Object.assign(at, structuredClone(more)); // biome-ignore format: one line
    return { root, copy };
  });

const withQuery = (url: fc.Arbitrary<string>) => fc.tuple(url, query).map(([u, q]) => u + q);

/** Any method on any path, with a body of any shape. */
export const anyRequest: fc.Arbitrary<Fuzzed> = fc.record(
  {
    method: mostly('GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'),
    url: withQuery(path),
    contentType: mostly('application/json', 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'), // biome-ignore format: one line
    body: fc.oneof(object.map(({ copy }) => copy), value), // biome-ignore format: one line
  },
  { requiredKeys: ['method', 'url'] },
);

/** Creates, replaces and deletes objects that are nearly right, where they belong. */
export const anyWrite: fc.Arbitrary<Fuzzed> = fc
  .tuple(object, fc.constantFrom('POST', 'POST', 'PUT', 'DELETE'), query)
  .map(([{ root, copy }, method, q]) => {
    const url = resourceOf[root.kind]!;
    return { method, url: (method === 'POST' ? url : `${url}/a`) + q, body: method === 'DELETE' ? undefined : copy }; // biome-ignore format: one line
  });

/** Patches of the four kinds. */
export const anyPatch: fc.Arbitrary<Fuzzed> = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constant('application/json-patch+json'), jsonPatch, object),
      fc.tuple(fc.constantFrom('application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'), fc.constant(undefined), withDirective), // biome-ignore format: one line
    ),
    fc.constantFrom('', '', '/status', '/scale'),
    query,
  )
  .map(([[contentType, operations, { root, copy }], sub, q]) => ({
    method: 'PATCH',
    url: `${resourceOf[root.kind]}/a${sub}${contentType.includes('apply') ? `?fieldManager=m${q.replace('?', '&')}` : q}`,
    contentType,
    body: operations ?? copy,
  }));

/** Objects for the patches to meet: each as it should be. */
export const wholeObjects: Fuzzed[] = roots
  .filter(({ metadata: its }) => its === plain)
  .map((body) => ({ method: 'POST', url: resourceOf[body.kind]!, body }));
