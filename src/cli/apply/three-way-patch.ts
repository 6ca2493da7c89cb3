/**
 * kubectl's client-side apply: what to send so that the live object follows the manifest. Fields of the last
 * applied manifest that are gone from the new one are deleted, fields of the new one are set, and all else
 * (defaults, what controllers or other people set) stays.
 *
 * Lists of built-in kinds are merged by key as their `patchMergeKey` says; others are replaced as a whole.
 * See "How apply calculates differences and merges changes" in Kubernetes' documentation.
 */
type Value = unknown;
type Fields = Record<string, Value>;

/** Merge keys by the list's field name; `ports` depends on what holds it. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  imagePullSecrets: 'name',
  secrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  ownerReferences: 'uid',
};

/** Fields whose alternatives exclude each other: `patchStrategy: retainKeys`. */
const retainKeysFields = new Set(['strategy', 'volumes']);

export interface PatchOptions {
  /** Merge lists by key (strategic merge patch); otherwise JSON merge patch. */
  strategic: boolean;
}

/** The patch, or undefined when the live object already is what the manifest says. */
export function threeWayPatch(
  objects: { original: Fields | undefined; modified: Fields; current: Fields },
  options: PatchOptions,
): Fields | undefined {
  return diffFields(objects.original ?? {}, objects.modified, objects.current, { ...options, path: [] });
}

interface Context extends PatchOptions {
  path: readonly string[];
}

function diffFields(
  original: Fields,
  modified: Fields,
  current: Fields,
  context: Context,
): Fields | undefined {
  const patch: Fields = {};
  for (const key of Object.keys(original)) {
    const gone = !(key in modified) || modified[key] === null;
    if (gone && current[key] !== undefined) patch[key] = null;
  }
  for (const [key, wanted] of Object.entries(modified)) {
    if (wanted === null) continue;
    const change = diffValue(original[key], wanted, current[key], {
      ...context,
      path: [...context.path, key],
    });
    if (change !== undefined) patch[key] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : retained(patch, modified, context);
}

/** Adds `$retainKeys`, which drops what the server had defaulted for the alternative chosen before. */
function retained(patch: Fields, modified: Fields, { strategic, path }: Context): Fields {
  if (!strategic || !retainKeysFields.has(path.at(-1) ?? '')) return patch;
  return { ...patch, $retainKeys: Object.keys(modified).sort() };
}

function diffValue(original: Value, wanted: Value, current: Value, context: Context): Value {
  if (isFields(wanted) && isFields(current)) {
    return diffFields(isFields(original) ? original : {}, wanted, current, context);
  }
  const key = Array.isArray(wanted) ? mergeKeyOf(wanted, context) : undefined;
  if (key !== undefined && Array.isArray(current)) {
    return diffList(Array.isArray(original) ? original : [], wanted as Fields[], current, {
      ...context,
      key,
    });
  }
  return sameValue(wanted, current) ? undefined : wanted;
}

/** Undefined for lists that are replaced as a whole, also where an item has no key or a key occurs twice. */
function mergeKeyOf(list: Value[], { strategic, path }: Context): string | undefined {
  if (!strategic || list.length === 0 || !list.every(isFields)) return undefined;
  const field = path.at(-1)!;
  const isPorts = field === 'ports' && ['containers', 'initContainers'].includes(path.at(-2) ?? '');
  const key = isPorts
    ? 'containerPort'
    : field === 'ports' && path.join('.') === 'spec.ports'
      ? 'port'
      : mergeKeys[field];
  if (key === undefined) return undefined;
  const values = list.map((item) => item[key]);
  return values.includes(undefined) || new Set(values).size < values.length ? undefined : key;
}

function diffList(
  original: Value[],
  wanted: Fields[],
  current: Value[],
  context: Context & { key: string },
): Value {
  const { key } = context;
  const find = (list: Value[], value: Value) => list.filter(isFields).find((item) => item[key] === value);
  const patch: Fields[] = [];
  for (const item of original.filter(isFields)) {
    const value = item[key];
    if (!find(wanted, value) && find(current, value)) patch.push({ $patch: 'delete', [key]: value });
  }
  for (const item of wanted) {
    const live = find(current, item[key]);
    const before = find(original, item[key]) ?? {};
    const change = live === undefined ? item : diffFields(before, item, live, context);
    if (change !== undefined) patch.push({ ...change, [key]: item[key] });
  }
  return patch.length === 0 ? undefined : patch;
}

function isFields(value: Value): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Equal as JSON, whatever the order of fields. */
function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (!isFields(a) || !isFields(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => sameValue(a[key], b[key]));
}
