/** A resource and its subresources as entries of discovery (metav1.APIResource). */
import type { Resource } from '../registry/resource.ts';

export interface ApiResource {
  /** `pods` or `pods/log`. */
  name: string;
  singularName: string;
  namespaced: boolean;
  /** Of the kind, where they are not those of the resource. */
  group?: string;
  version?: string;
  kind: string;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const writable = { verbs: ['get', 'patch', 'update'] };
const stream = { verbs: ['create', 'get'] };

function specialsOf({ group, plural }: Resource): [string, Partial<ApiResource>][] {
  if (group !== '') return [];
  if (plural === 'pods') {
    return [
      ['binding', { kind: 'Binding', verbs: ['create'] }],
      ['eviction', { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] }],
      ['ephemeralcontainers', writable],
      ['log', { verbs: ['get'] }],
      ['attach', { kind: 'PodAttachOptions', ...stream }],
      ['exec', { kind: 'PodExecOptions', ...stream }],
      ['portforward', { kind: 'PodPortForwardOptions', ...stream }],
    ];
  }
  if (plural === 'serviceaccounts') {
    const kind = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
    return [['token', { ...kind, verbs: ['create'] }]];
  }
  return plural === 'namespaces' ? [['finalize', { verbs: ['update'] }]] : [];
}

function subresourcesOf(resource: Resource): ApiResource[] {
  const { plural, namespaced, kind } = resource;
  const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale', ...writable };
  const present: [string, Partial<ApiResource>][] = [
    ...(resource.hasStatus ? [['status', writable] as [string, Partial<ApiResource>]] : []),
    ...(resource.scale ? [['scale', scale] as [string, Partial<ApiResource>]] : []),
    ...specialsOf(resource),
  ];
  return present.map(([name, own]) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    kind,
    verbs: [],
    ...own,
  }));
}

export function resourcesOf(resource: Resource): ApiResource[] {
  const { plural, singular, namespaced, kind, shortNames, categories } = resource;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      // Who deletes namespaces names each.
      verbs: resource.collection === '/namespaces' ? verbs.filter((v) => v !== 'deletecollection') : verbs,
      ...(shortNames.length > 0 ? { shortNames } : {}),
      ...(categories.length > 0 ? { categories } : {}),
    },
    ...subresourcesOf(resource),
  ];
}
