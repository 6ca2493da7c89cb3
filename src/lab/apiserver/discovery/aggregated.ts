/** All groups in one document (apidiscovery.k8s.io): what newer clients ask for in place of one request per version. */
import type { ApiResponse } from '../api-request.ts';
import type { ApiResource } from './api-resource.ts';
import type { GroupVersion } from './discovery.ts';

const version = 'v2';
const mediaType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

/** Whether an Accept header prefers it to the plain documents. */
export function asksForAggregated(accept: string): boolean {
  const clauses = accept.split(',').map((clause) => clause.replaceAll(' ', ''));
  const first = clauses.find((c) => c.startsWith('application/json') && (!c.includes(';as=') || isOurs(c)));
  return first !== undefined && isOurs(first);
}

const isOurs = (clause: string) =>
  [';g=apidiscovery.k8s.io', `;v=${version}`, ';as=APIGroupDiscoveryList'].every((part) =>
    `${clause};`.includes(`${part};`),
  );

function responseKind(at: GroupVersion, { group, version, kind }: ApiResource): object {
  return { group: group ?? at.group, version: version ?? at.version, kind };
}

function entry(at: GroupVersion, resource: ApiResource, all: readonly ApiResource[]): object {
  const { name, singularName, namespaced, verbs, shortNames, categories } = resource;
  const subresources = all
    .filter((r) => r.name.startsWith(`${name}/`))
    .map((r) => ({
      subresource: r.name.slice(name.length + 1),
      responseKind: responseKind(at, r),
      verbs: r.verbs,
    }));
  return {
    resource: name,
    responseKind: responseKind(at, resource),
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singularName,
    verbs,
    ...(shortNames ? { shortNames } : {}),
    ...(categories ? { categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

/** Groups, each with its versions, the preferred one first. */
export function aggregatedDocument(groups: readonly (readonly GroupVersion[])[]): ApiResponse {
  const items = groups.map((versions) => ({
    metadata: versions[0]!.group === '' ? {} : { name: versions[0]!.group },
    versions: versions.map((at) => ({
      version: at.version,
      freshness: 'Current',
      resources: at.resources.filter((r) => !r.name.includes('/')).map((r) => entry(at, r, at.resources)),
    })),
  }));
  const list = {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items,
  };
  return { status: 200, contentType: mediaType, raw: JSON.stringify(list) };
}
