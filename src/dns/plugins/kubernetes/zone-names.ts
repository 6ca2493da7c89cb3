/**
 * What one zone holds, name by name, and how that changes: for tables kept elsewhere (the kernel's) and for listings.
 *
 * Told are all names that exist, but for those two labels and more below a Service (ports, zonal names, endpoints of
 * other clusters) and all below `pod`: these are answered when they are asked for, so a table that says of other names
 * that they do not exist must leave these subtrees to the server. A name with `aliased` has answers that only the server
 * can make. Nothing may be denied before `loaded`.
 */
import { TimeSlice } from '../../../util/time-slice.ts';
import { endpointsOf, findBackends, protocolLabels } from './backends.ts';
import type { ClusterChange } from './cluster-index.ts';
import { inZone } from './records.ts';
import type { NameRecords, ZoneLookup } from './zone-lookup.ts';

export interface ZoneChange {
  /** The names of Services and namespaces that have changed, as they are now; some may be as they were. */
  changed: readonly NameRecords[];
  vanished: readonly string[];
}

export class ZoneNames {
  readonly #lookup: ZoneLookup;
  readonly #zone: string;
  /** Names told, by the key of their Service or the name of their namespace. */
  readonly #told = new Map<string, readonly string[]>();
  readonly #dirty = new Set<string>();
  readonly #handlers = new Set<(change: ZoneChange) => void>();
  readonly #unsubscribe: () => void;
  #flushing: Promise<void> | undefined;

  constructor(lookup: ZoneLookup, zone: string) {
    this.#lookup = lookup;
    this.#zone = zone;
    this.#unsubscribe = lookup.index.onChange((change) => this.#mark(change));
  }

  close(): void {
    this.#unsubscribe();
    this.#dirty.clear();
  }

  /** All of the cluster has been read: names that are not told do not exist. */
  get loaded(): boolean {
    return this.#lookup.index.synced;
  }

  /** All names now. Made while they are read, so that the reader may pause; what changes meanwhile is told by `onChange`. */
  *names(): Generator<NameRecords> {
    const { index } = this.#lookup;
    yield* this.#fixedNames();
    for (const namespace of index.namespaces()) yield* this.#tell(namespace);
    for (const key of this.#serviceKeys()) yield* this.#tell(key);
  }

  /** Handlers run soon after a change, with all that changed together; the result unsubscribes. */
  onChange(handler: (change: ZoneChange) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Resolves once all changes so far are told. */
  async settled(): Promise<void> {
    await this.#flushing;
  }

  get #multicluster(): boolean {
    return this.#lookup.isMulticluster(this.#zone);
  }

  #serviceKeys(): string[] {
    const { index } = this.#lookup;
    return this.#multicluster ? index.importKeys() : index.serviceKeys();
  }

  *#fixedNames(): Generator<NameRecords> {
    for (const relative of ['', 'svc', 'pod', 'dns', 'ns.dns', 'dns-version']) {
      const name = relative === '' ? this.#zone : inZone(relative, this.#zone);
      const found = this.#lookup.find(name, this.#zone);
      if (found !== undefined) yield found;
    }
  }

  /** Names of a namespace or a Service, by its key; from now on these are the ones told. */
  #tell(key: string): NameRecords[] {
    const names = key.includes('/') ? this.#serviceNames(key) : this.#namespaceNames(key);
    if (names.length === 0) this.#told.delete(key);
    else
      this.#told.set(
        key,
        names.map(({ name }) => name),
      );
    return names;
  }

  #namespaceNames(namespace: string): NameRecords[] {
    const found = this.#lookup.find(inZone(`${namespace}.svc`, this.#zone), this.#zone);
    return found === undefined ? [] : [found];
  }

  #serviceNames(key: string): NameRecords[] {
    const [namespace, service] = key.split('/') as [string, string];
    if (!this.#lookup.exposes(namespace)) return [];
    const { index, options } = this.#lookup;
    const multicluster = this.#multicluster;
    const source = multicluster ? index.imported : index.local;
    const find = { ignoreEmpty: options.ignoreEmpty, multicluster };
    const name = inZone(`${service}.${namespace}.svc`, this.#zone);
    const records = (full: string, backends: Parameters<ZoneLookup['recordsOf']>[2]) =>
      this.#lookup.recordsOf(full, this.#zone, backends);
    const own = findBackends({ kind: 'svc', namespace, service }, source, find);
    const names = own === undefined ? [] : [records(name, own)];
    for (const label of protocolLabels(key, source)) {
      const below = findBackends({ kind: 'svc', namespace, service, endpoint: label }, source, find);
      if (below !== undefined) names.push(records(`${label}.${name}`, below));
    }
    if (multicluster || (own === undefined && find.ignoreEmpty)) return names;
    const byHost = Map.groupBy(endpointsOf(key, source, find), ({ target }) => target);
    for (const [target, backends] of byHost) names.push(records(inZone(target, this.#zone), backends));
    return names;
  }

  #mark(change: ClusterChange): void {
    if (this.#handlers.size === 0) return;
    if ('service' in change) {
      if (change.imported !== this.#multicluster) return;
      this.#dirty.add(change.service);
    } else {
      this.#dirty.add(change.namespace);
      for (const key of this.#serviceKeys()) if (key.startsWith(`${change.namespace}/`)) this.#dirty.add(key);
    }
    this.#flushing ??= this.#flush();
  }

  async #flush(): Promise<void> {
    // Behind the event: what comes with it in one batch is told together.
    await undefined;
    const slice = new TimeSlice();
    while (this.#dirty.size > 0) {
      const changed = new Map<string, NameRecords>();
      const before = new Set<string>();
      for (const key of this.#dirty) {
        this.#dirty.delete(key);
        for (const name of this.#told.get(key) ?? []) before.add(name);
        for (const records of this.#tell(key)) changed.set(records.name, records);
        const pause = slice.breathe();
        if (pause === undefined) continue;
        await pause;
        break;
      }
      const vanished = [...before].filter((name) => !changed.has(name));
      for (const handler of this.#handlers) handler({ changed: [...changed.values()], vanished });
    }
    this.#flushing = undefined;
  }
}
