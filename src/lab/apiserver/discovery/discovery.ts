/** What is served: /api, /apis, one group, one version; and /version. */
import { registry, servedGroups } from '../registry/registry.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { reviewGroups, reviewResources } from '../rest/reviews.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const podStreams = [
  ['attach', 'PodAttachOptions'],
  ['exec', 'PodExecOptions'],
  ['portforward', 'PodPortForwardOptions'],
] as const;

function subresourcesOf(resource: Resource): object[] {
  const own = (name: string, extra: object) => ({
    name: `${resource.plural}/${name}`,
    singularName: '',
    namespaced: resource.namespaced,
    kind: resource.kind,
    ...extra,
  });
  const writable = { verbs: ['get', 'patch', 'update'] };
  const result: object[] = [];
  if (resource.hasStatus) result.push(own('status', writable));
  if (resource.scale)
    result.push(own('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale', ...writable }));
  if (resource.plural === 'pods') {
    result.push(own('binding', { kind: 'Binding', verbs: ['create'] }));
    result.push(own('eviction', { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] }));
    result.push(own('log', { verbs: ['get'] }));
    for (const [name, kind] of podStreams) result.push(own(name, { kind, verbs: ['create', 'get'] }));
  }
  if (resource.plural === 'serviceaccounts') {
    const kind = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
    result.push(own('token', { ...kind, verbs: ['create'] }));
  }
  if (resource.plural === 'namespaces') result.push(own('finalize', { verbs: ['update'] }));
  return result;
}

function resourceEntry(resource: Resource): object {
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs,
    ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
    ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
  };
}

function resourceList(group: string, version: string): object | undefined {
  const resources = registry.filter((r) => r.group === group && r.version === version);
  const reviews = version === 'v1' ? reviewResources(group) : [];
  if (resources.length + reviews.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: [...resources.flatMap((r) => [resourceEntry(r), ...subresourcesOf(r)]), ...reviews],
  };
}

/** The first version is the preferred one. */
function groupEntry({ group, versions }: { group: string; versions: string[] }): object {
  const all = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: all, preferredVersion: all[0] };
}

const namedGroups = [
  ...servedGroups().filter((g) => g.group !== ''),
  ...reviewGroups.map(({ group, version }) => ({ group, versions: [version] })),
];

/** The document at a discovery path, or undefined. */
export function discoveryDocument(path: string): object | undefined {
  const [root, group, version, ...rest] = path.replace(/\/$/, '').split('/').slice(1);
  if (rest.length > 0) return undefined;
  if (root === 'api') {
    if (group === undefined) return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    return version === undefined ? resourceList('', group) : undefined;
  }
  if (root !== 'apis') return undefined;
  if (group === undefined)
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: namedGroups.map(groupEntry) };
  if (version !== undefined) return resourceList(group, version);
  const found = namedGroups.find((g) => g.group === group);
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found) };
}

/** The version of Kubernetes whose API this is. */
export function versionDocument(kubernetesVersion: string): object {
  const [major, minor] = kubernetesVersion.slice(1).split('.');
  return {
    major,
    minor,
    gitVersion: `${kubernetesVersion}+tendril`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
