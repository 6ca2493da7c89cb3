/**
 * From the pinned maps of one version, or of one set of sizes, to those of another, under traffic:
 *
 *     1  load the new programs with maps of their own, in `next`; carry everything over
 *     2  attach them behind the old ones, which still end all that goes to a Service
 *     3  let the old ones drain: each follows the connections that it knows and leaves new ones to the next program
 *     4  carry over what came in between
 *     5  take the old ones' places, hook by hook; carry the rest; the new maps get the old ones' names
 *
 * So no hook is ever without either state, and hooks need not change at one moment: whichever program made a connection
 * is asked for it at every hook until the other knows it. Up to 3 all of it is undone when something fails. From there
 * on both serve together for as long as it takes, and an agent that starts again goes on where the last one was.
 */
import { join } from 'node:path';
import type { Bpf, BpfObject, Fields, PinnedMap, PinnedMaps } from '../../../linux/bpf/bpf.ts';
import type { Migration } from '../../../linux/bpf/carry.ts';
import { errno, isErrno } from '../../../linux/errno.ts';
import { remedyOf, TendrilError } from '../../../util/errors.ts';
import { carryAll, carryRest, type Route } from './carried-maps.ts';
import { type Hook, type ObjectName, podHooks } from './hooks.ts';
import { indexKey } from './index-key.ts';

export type Objects = Record<ObjectName, BpfObject>;

export interface HandoverOptions {
  bpf: Bpf;
  pinDirectory: string;
  /** All programs, with their maps in this directory. */
  load(directory: string): Objects;
  /** In words, see Bpf.misfit. */
  misfit(directory: string): string | undefined;
  nodeHooks: readonly Hook[];
  migrations: readonly Migration[];
}

/**
 * The lowest version of an agent that may carry these maps back, field by field: it stands in the map `layout`. To be
 * raised to LAYOUT_VERSION by a change that an older version would misread by its names alone.
 */
const readableBy = 1;

const layoutMap = 'layout';
const configMap = 'node_config';

/** Loads all programs on the maps that are pinned, or on others that take over what these hold. @throws TendrilError BPF_LAYOUT, BPF_LOAD */
export function loadOrHandOver(options: HandoverOptions): { objects: Objects; handedOver?: string } {
  const { bpf, pinDirectory } = options;
  if (isPromoting(options)) promote(options);
  using before = bpf.pinned(pinDirectory);
  const draining = isDraining(before.get(configMap));
  if (!draining) abandon(options, before);
  const reason = draining ? 'an earlier handover was cut short' : options.misfit(pinDirectory);
  if (reason === undefined) return { objects: marked(options.load(pinDirectory)) };
  return { objects: marked(new Handover(options, before).run(draining)), handedOver: reason };
}

/** The first of the new maps to get its name tells that all is carried, the last of the old ones that others are not. */
function promote({ bpf, pinDirectory }: HandoverOptions): void {
  const next = nextOf(pinDirectory);
  using maps = bpf.pinned(next);
  const between = maps.names.filter((name) => name !== layoutMap && name !== configMap);
  for (const name of [layoutMap, ...between, configMap])
    if (maps.get(name)) bpf.movePin(join(next, name), join(pinDirectory, name));
  bpf.clear(next);
}

function isPromoting({ bpf, pinDirectory }: HandoverOptions): boolean {
  using before = bpf.pinned(pinDirectory);
  using after = bpf.pinned(nextOf(pinDirectory));
  return isDraining(before.get(configMap)) && after.get(layoutMap) === undefined;
}

function marked(objects: Objects): Objects {
  objects.pod.map(layoutMap).update(indexKey(0), indexKey(readableBy));
  return objects;
}

/** Leaves the old programs and maps as they are. */
function abandon({ bpf, pinDirectory, nodeHooks }: HandoverOptions, before: PinnedMaps): void {
  const next = nextOf(pinDirectory);
  {
    using begun = bpf.pinned(next);
    if (begun.names.length === 0) return;
  }
  for (const hook of [...nodeHooks, ...hooksOfPods(before.get('endpoints'))])
    bpf.detach(linkBelow(next, hook), behind(hook));
  bpf.clear(next);
}

class Handover {
  readonly #options: HandoverOptions;
  readonly #before: PinnedMaps;
  readonly #next: string;

  constructor(options: HandoverOptions, before: PinnedMaps) {
    this.#options = options;
    this.#before = before;
    this.#next = nextOf(options.pinDirectory);
  }

  run(resumed: boolean): Objects {
    if (resumed) this.#mustBeOurs();
    const objects = this.#load(resumed);
    using after = this.#options.bpf.pinned(this.#next);
    try {
      const route = this.#route(after);
      const begun = process.hrtime.bigint();
      this.#begin(objects, route);
      this.#finish(objects, route, begun);
    } catch (error) {
      for (const object of Object.values(objects)) object.close();
      throw error;
    }
    return objects;
  }

  #load(resumed: boolean): Objects {
    try {
      return this.#options.load(this.#next);
    } catch (error) {
      if (!resumed) abandon(this.#options, this.#before);
      throw error;
    }
  }

  /** Steps 1 to 4. */
  #begin(objects: Objects, route: Route): void {
    const wasDraining = isDraining(this.#before.get(configMap));
    try {
      const start = process.hrtime.bigint();
      carryAll(route);
      carryConfig(route);
      for (const hook of this.#hooks(route)) this.#attachBehind(objects, hook);
      const attached = process.hrtime.bigint();
      carryRest(route, start - overlapNs);
      setDraining(this.#before.get(configMap), true);
      carryRest(route, attached - overlapNs);
    } catch (error) {
      if (!wasDraining) {
        setDraining(this.#before.get(configMap), false);
        abandon(this.#options, this.#before);
      }
      throw failure(error);
    }
  }

  /** Step 5. */
  #finish(objects: Objects, route: Route, begun: bigint): void {
    const hooks = this.#hooks(route);
    this.#takePlaces(
      objects,
      hooks.filter(({ names }) => !names),
    );
    // What the old programs did for the connections that they knew; and names that the new ones have forgotten, since
    // the old one's backend was no Service to them.
    carryRest(route, begun - overlapNs);
    this.#takePlaces(
      objects,
      hooks.filter(({ names }) => names),
    );
    promote(this.#options);
  }

  #takePlaces(objects: Objects, hooks: readonly Hook[]): void {
    for (const hook of hooks) {
      const pins = { from: linkBelow(this.#next, hook), to: linkBelow(this.#options.pinDirectory, hook) };
      unlessGone(() => objects[hook.object].takePlace(hook.program, hook.at, pins));
    }
  }

  /** Those that have a program: an agent attaches its node's last, once its maps are whole. */
  #hooks({ to }: Route): Hook[] {
    const attached = Number(configOf(to.get(configMap))?.uplinkIfindex ?? 0) !== 0;
    return [...(attached ? this.#options.nodeHooks : []), ...hooksOfPods(to.get('endpoints'))];
  }

  #attachBehind(objects: Objects, hook: Hook): void {
    unlessGone(() => objects[hook.object].attach(hook.program, behind(hook), linkBelow(this.#next, hook)));
  }

  #route(to: PinnedMaps): Route {
    const version = (maps: PinnedMaps) => maps.get(layoutMap)?.map.maxEntries ?? 0;
    const [from, wanted] = [version(this.#before), version(to)];
    if (from > wanted) this.#mustBeReadable(from, wanted);
    const between = (migration: Migration) => migration.version > from && migration.version <= wanted;
    return { from: this.#before, to, migrations: this.#options.migrations.filter(between) };
  }

  #mustBeReadable(from: number, wanted: number): void {
    const value = this.#before.get(layoutMap)?.map.lookup(indexKey(0));
    const oldest = value === undefined ? 0 : Buffer.from(value).readUInt32LE();
    if (oldest !== 0 && oldest <= wanted) return;
    abandon(this.#options, this.#before);
    throw new TendrilError(
      'BPF_LAYOUT',
      `the maps in force are of layout ${from}, which this version, of layout ${wanted}, cannot read; they stay in force`,
      { remedy: 'start the version that made them, or a newer one' },
    );
  }

  #mustBeOurs(): void {
    const difference = this.#options.misfit(this.#next);
    if (difference === undefined) return;
    throw new TendrilError(
      'BPF_LAYOUT',
      `an agent of another version or with other mapSizes was cut short when it took over (${difference}); both its maps and those before them are in force`,
      { remedy: 'start that agent once more: it goes on where it was' },
    );
  }
}

/** Longer than a program may take from reading the time to writing an entry. An entry carried twice does no harm. */
const overlapNs = 1_000_000_000n;

function failure(error: unknown): TendrilError {
  return new TendrilError('BPF_LAYOUT', 'the maps in force cannot be taken over; they stay in force', {
    remedy: remedyOf(error) ?? 'start the version that made them',
    cause: error,
  });
}

/** The interface of a pod that is being removed. */
function unlessGone(use: () => void): void {
  try {
    use();
  } catch (error) {
    if (!isErrno(error, errno.ENODEV)) throw error;
  }
}

function nextOf(pinDirectory: string): string {
  return join(pinDirectory, 'next');
}

function linkBelow(directory: string, { link }: Hook): string {
  return join(directory, 'links', link);
}

function behind({ at }: Hook): Hook['at'] {
  return at.type === 'tcx' || at.type === 'clsact' ? { ...at, place: 'behind' } : at;
}

function hooksOfPods(endpoints: PinnedMap | undefined): Hook[] {
  return [...(endpoints?.map.entries() ?? [])].flatMap(([key]) => podHooks(Buffer.from(key).readUInt32LE()));
}

function configOf(config: PinnedMap | undefined): Fields | undefined {
  const value = config?.map.lookup(indexKey(0));
  return value && config?.value?.decode(value);
}

function isDraining(config: PinnedMap | undefined): boolean {
  return Number(configOf(config)?.draining ?? 0) !== 0;
}

/** What the programs of a version before the flag do not heed: they go on until they are replaced. */
function setDraining(config: PinnedMap | undefined, on: boolean): void {
  const fields = configOf(config);
  if (fields?.draining === undefined) return;
  config!.map.update(indexKey(0), config!.value!.encode({ ...fields, draining: on ? 1 : 0 }));
}

function carryConfig({ from, to }: Route): void {
  const [before, after] = [configOf(from.get(configMap)), to.get(configMap)];
  if (before === undefined || after?.value === undefined) return;
  after.map.update(indexKey(0), after.value.encode({ ...before, draining: 0 }));
}
