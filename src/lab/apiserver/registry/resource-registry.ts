/** The resources that one API server has: Kubernetes' own, and those that are defined while it runs. */
import { builtInResources } from './registry.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { compareVersions } from './version-priority.ts';

export interface ServedGroup {
  group: string;
  /** The preferred one first. */
  versions: string[];
}

export class ResourceRegistry {
  /** By who defined them. */
  readonly #defined = new Map<string, readonly Resource[]>();
  readonly #starts = new Set<(resource: Resource) => () => void>();
  readonly #stops = new Map<string, (() => void)[]>();
  #all: readonly Resource[] = [];
  #byPath = new Map<string, Resource>();
  #byKind = new Map<string, Resource>();
  #byCollection = new Map<string, Resource>();
  #revision = 0;

  constructor() {
    this.define('', builtInResources);
  }

  /** Counts changes: what was made of the resources is good as long as this stays. */
  get revision(): number {
    return this.#revision;
  }

  get all(): readonly Resource[] {
    return this.#all;
  }

  /** One for each collection: the face under which its objects are stored. */
  get stored(): Resource[] {
    return [...this.#byCollection.values()];
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  /** The face under which a collection's objects are stored. */
  storedIn(collection: string): Resource | undefined {
    return this.#byCollection.get(collection);
  }

  /** Kubernetes' own. */
  builtIn(group: string): Resource[] {
    return builtInResources.filter((r) => r.group === group);
  }

  /** The groups in the order of their first resource. */
  groups(): ServedGroup[] {
    const groups = new Map<string, Set<string>>();
    for (const { group, version } of this.#all)
      groups.set(group, (groups.get(group) ?? new Set()).add(version));
    return [...groups].map(([group, versions]) => ({ group, versions: [...versions].sort(compareVersions) }));
  }

  /** Puts resources in the place of all that the same definer had; none takes them away. */
  define(definer: string, resources: readonly Resource[]): void {
    const before = new Set(this.#byCollection.keys());
    if (resources.length === 0) this.#defined.delete(definer);
    else this.#defined.set(definer, resources);
    this.#revision++;
    this.#index();
    for (const [collection, resource] of this.#byCollection)
      if (!before.has(collection))
        this.#stops.set(
          collection,
          [...this.#starts].map((start) => start(resource)),
        );
    for (const collection of before) if (!this.#byCollection.has(collection)) this.#stop(collection);
  }

  /** Calls `start` for each collection that there is and that comes, and what it gives when the collection goes. */
  followCollections(start: (resource: Resource) => () => void): void {
    this.#starts.add(start);
    for (const [collection, resource] of this.#byCollection)
      this.#stops.set(collection, [...(this.#stops.get(collection) ?? []), start(resource)]);
  }

  /** Ends what was started for collections. */
  close(): void {
    this.#starts.clear();
    for (const collection of [...this.#stops.keys()]) this.#stop(collection);
  }

  #stop(collection: string): void {
    for (const stop of this.#stops.get(collection) ?? []) stop();
    this.#stops.delete(collection);
  }

  #index(): void {
    const definers = [...this.#defined.keys()].sort();
    const resources = definers.flatMap((definer) => this.#defined.get(definer)!);
    const served = resources.filter((r) => r.served);
    this.#all = served;
    this.#byPath = new Map(served.map((r) => [`${r.group}/${r.version}/${r.plural}`, r]));
    this.#byKind = new Map(served.map((r) => [`${apiVersionOf(r)}/${r.kind}`, r]));
    this.#byCollection = new Map(resources.filter((r) => r.stored).map((r) => [r.collection, r]));
  }
}
