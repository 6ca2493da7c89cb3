/** What is served: /api, /apis, one group, one version, each group's in one document (aggregated); and /version. */
import type { ApiRequest, ApiResponse } from '../api-request.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import type { ResourceRegistry, ServedGroup } from '../registry/resource-registry.ts';
import { reviewGroups, reviewResources } from '../rest/reviews.ts';
import { aggregatedDocument, asksForAggregated } from './aggregated.ts';
import { type ApiResource, resourcesOf } from './api-resource.ts';

/** A group's version with what is in it. */
export interface GroupVersion {
  group: string;
  version: string;
  resources: ApiResource[];
}

function groupsOf(registry: ResourceRegistry): ServedGroup[] {
  return [
    ...registry.groups(),
    ...reviewGroups.map(({ group, version }) => ({ group, versions: [version] })),
  ];
}

function groupVersion(resources: readonly Resource[], group: string, version: string): GroupVersion {
  const here = resources.filter((r) => r.group === group && r.version === version);
  const reviews = version === 'v1' ? reviewResources(group) : [];
  return { group, version, resources: [...here.flatMap(resourcesOf), ...reviews] };
}

function resourceList({ group, version, resources }: GroupVersion): object | undefined {
  if (resources.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources,
  };
}

/** The first version is the preferred one. */
function groupEntry({ group, versions }: ServedGroup): object {
  const all = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: all, preferredVersion: all[0] };
}

function plainDocument(registry: ResourceRegistry, path: string): object | undefined {
  const [root, group, version, ...rest] = path.replace(/\/$/, '').split('/').slice(1);
  if (rest.length > 0) return undefined;
  if (root === 'api') {
    if (group === undefined) return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    return version === undefined ? resourceList(groupVersion(registry.all, '', group)) : undefined;
  }
  if (root !== 'apis') return undefined;
  const named = groupsOf(registry).filter((g) => g.group !== '');
  if (group === undefined) return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupEntry) };
  if (version !== undefined) return resourceList(groupVersion(registry.all, group, version));
  const found = named.find((g) => g.group === group);
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found) };
}

function aggregatedGroups(registry: ResourceRegistry, root: string): GroupVersion[][] {
  return groupsOf(registry)
    .filter(({ group }) => (group === '') === (root === 'api'))
    .map(({ group, versions }) => versions.map((version) => groupVersion(registry.all, group, version)));
}

/** The answer at a discovery path, in the form that the client asks for; undefined for other paths. */
export function discoveryDocument(
  registry: ResourceRegistry,
  { path, accept = '' }: ApiRequest,
): ApiResponse | undefined {
  const root = path.replace(/\/$/, '').slice(1);
  if ((root === 'api' || root === 'apis') && asksForAggregated(accept))
    return aggregatedDocument(aggregatedGroups(registry, root));
  const body = plainDocument(registry, path);
  return body && { status: 200, body };
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
