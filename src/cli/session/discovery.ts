/** What kinds the server has, by the discovery documents that kubectl reads too. */
import { ApiError } from '../../kube/client/api-error.ts';
import type { ResourceType } from '../../kube/resources.ts';
import { TendrilError } from '../../util/errors.ts';
import { nearest } from '../../util/suggestion.ts';
import type { RawApi } from './raw-api.ts';

export interface DiscoveredResource extends ResourceType {
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  verbs: readonly string[];
}

interface ResourceList {
  groupVersion: string;
  resources: {
    name: string;
    singularName?: string;
    kind: string;
    namespaced: boolean;
    shortNames?: string[];
    categories?: string[];
    verbs: string[];
  }[];
}

interface GroupList {
  groups: { name: string; versions: { groupVersion: string }[] }[];
}

export class Discovery {
  readonly resources: readonly DiscoveredResource[];

  constructor(resources: readonly DiscoveredResource[]) {
    this.resources = resources;
  }

  /** @throws TendrilError BAD_MANIFEST when the server has no such kind */
  byKind(apiVersion: string, kind: string, origin: string): DiscoveredResource {
    const found = this.resources.find(
      (resource) => resource.kind === kind && groupVersionOf(resource) === apiVersion,
    );
    if (found) return found;
    const sameKind = this.resources.find((resource) => resource.kind === kind);
    const meant = nearest(
      kind,
      this.resources.map((resource) => resource.kind),
    );
    const remedy = sameKind
      ? `${kind} is served as apiVersion ${groupVersionOf(sameKind)}.`
      : meant
        ? `Did you mean ${meant}?`
        : 'See: kubectl api-resources';
    throw new TendrilError(
      'BAD_MANIFEST',
      `${origin}: the API server knows no kind "${kind}" in version "${apiVersion}"`,
      { remedy },
    );
  }

  /**
   * By what a user types: plural, singular, short name or kind, in any case, also `deployments.apps`; and `all`.
   * @throws TendrilError USAGE
   */
  byName(text: string): DiscoveredResource[] {
    const [word = '', ...group] = text.toLowerCase().split('.');
    const inGroup = (resource: ResourceType) => group.length === 0 || resource.group === group.join('.');
    const inCategory = this.resources.filter((resource) => resource.categories.includes(word));
    if (inCategory.length > 0 && group.length === 0) return inCategory;
    const found = this.resources.find(
      (resource) =>
        inGroup(resource) &&
        [resource.plural, resource.singular, resource.kind.toLowerCase(), ...resource.shortNames].includes(
          word,
        ),
    );
    if (found) return [found];
    const meant = nearest(
      word,
      this.resources.flatMap((resource) => [resource.plural, ...resource.shortNames]),
    );
    throw new TendrilError('USAGE', `the API server has no resource "${text}"`, {
      remedy: meant ? `Did you mean ${meant}?` : 'See: kubectl api-resources',
    });
  }
}

/** A function that reads them once. */
export function askOnce(api: RawApi): () => Promise<Discovery> {
  let discovery: Promise<Discovery> | undefined;
  return () => {
    discovery ??= discover(api);
    return discovery;
  };
}

/** Reads the discovery documents; core first, as kubectl prefers. */
export async function discover(api: RawApi): Promise<Discovery> {
  const groups = (await api.send({ method: 'GET', path: '/apis' })) as GroupList;
  const paths = groups.groups.flatMap((group) =>
    group.versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
  );
  const core = api.send({ method: 'GET', path: '/api/v1' });
  const lists = await Promise.all([core, ...paths.map((path) => ofGroup(api, path))]);
  return new Discovery(
    lists.flatMap((list) => (list === undefined ? [] : resourcesOf(list as ResourceList))),
  );
}

/** A group may be served by others than the API server (metrics, say); where these are away, all else is there. */
async function ofGroup(api: RawApi, path: string): Promise<unknown> {
  return await api.send({ method: 'GET', path }).catch((error): undefined => {
    if (!(error instanceof ApiError)) throw error;
  });
}

function resourcesOf({ groupVersion, resources }: ResourceList): DiscoveredResource[] {
  const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => ({
      group: group!,
      version: version!,
      kind: resource.kind,
      plural: resource.name,
      namespaced: resource.namespaced,
      singular: resource.singularName || resource.kind.toLowerCase(),
      shortNames: resource.shortNames ?? [],
      categories: resource.categories ?? [],
      verbs: resource.verbs,
    }));
}

function groupVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}
