/** Values of an installation, of files and of `--set`: merged, checked all at once, and given as what the objects are made of. */
import { type ValueEntry, type ValueName, valueCatalogue } from '../deploy/value-catalogue.ts';
import { type DeployValues, defaultValues } from '../deploy/values.ts';
import { parseCidr } from '../net/cidr.ts';
import { describeError, TendrilError } from '../util/errors.ts';
import { nearest } from '../util/suggestion.ts';

export type Values = Record<string, unknown>;

export interface ValueSource {
  /** Named in errors: the file, or `--set KEY`. */
  origin: string;
  values: Values;
}

const entries: Readonly<Record<string, ValueEntry>> = valueCatalogue;

/** `KEY=VALUE` as the command line has it: lists with commas, `mapSizes.NAME=NUMBER`. @throws TendrilError USAGE */
export function parseSetting(text: string): ValueSource {
  const at = text.indexOf('=');
  if (at < 1) throw new TendrilError('USAGE', `--set ${text} is not KEY=VALUE`);
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  const [name, ...rest] = key.split('.');
  const entry = Object.hasOwn(entries, name!) ? entries[name!]! : undefined;
  const origin = `--set ${key}`;
  if (entry?.type === 'sizes' && rest.length > 0)
    return { origin, values: { [name!]: { [rest.join('.')]: numberOf(value) } } };
  return { origin, values: { [key]: entry === undefined ? value : typed(entry, value) } };
}

const numberOf = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

function typed({ type }: ValueEntry, text: string): unknown {
  if (['strings', 'cidrs', 'urls'].includes(type)) return text === '' ? [] : text.split(',');
  return type === 'port' ? numberOf(text) : text;
}

/** A values file's text. @throws TendrilError BAD_INPUT */
export async function parseValuesFile(origin: string, text: string): Promise<ValueSource> {
  const { parse } = await import('../util/yaml.ts');
  let values: unknown;
  try {
    values = parse(text) ?? {};
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', `${origin} is no YAML`, { cause });
  }
  if (typeof values !== 'object' || Array.isArray(values))
    throw new TendrilError('BAD_INPUT', `${origin} is no map of values`);
  return { origin, values: values as Values };
}

/**
 * Later sources win, key by key; sizes of maps are merged.
 * @throws TendrilError BAD_INPUT telling every problem at once, with what a misspelt key may mean
 */
export function mergeValues(sources: readonly ValueSource[]): Values {
  const problems: string[] = [];
  const merged: Values = {};
  for (const { origin, values } of sources) {
    for (const [key, value] of Object.entries(values)) {
      const entry = Object.hasOwn(entries, key) ? entries[key]! : undefined;
      const problem = entry === undefined ? unknownKey(key) : problemOf(key, entry, value);
      if (problem !== undefined) problems.push(`${origin}: ${problem}`);
      const before = merged[key];
      const joins = entry?.type === 'sizes' && typeof before === 'object';
      merged[key] = joins ? { ...(before as object), ...(value as object) } : value;
    }
  }
  if (problems.length === 0) return merged;
  throw new TendrilError('BAD_INPUT', problems.join('\n  '), {
    remedy: `The values are described in deploy/chart/values.yaml: ${Object.keys(entries).join(', ')}.`,
  });
}

function unknownKey(key: string): string {
  const meant = nearest(key, Object.keys(entries));
  return `there is no value "${key}"${meant ? `; did you mean ${meant}?` : ''}`;
}

function problemOf(key: string, { type, oneOf }: ValueEntry, value: unknown): string | undefined {
  const not = (what: string) => `${key} is ${what}, not ${JSON.stringify(value)}`;
  if (oneOf !== undefined && !oneOf.includes(value as string)) return not(`one of ${oneOf.join(', ')}`);
  const strings = Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '');
  switch (type) {
    case 'string':
      return typeof value === 'string' && /^\S+$/.test(value) ? undefined : not('a word');
    case 'path':
      return typeof value === 'string' && /^\/\S*$/.test(value) ? undefined : not('an absolute path');
    case 'port':
      return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536
        ? undefined
        : not('a port');
    case 'strings':
      return strings ? undefined : not('a list of words');
    case 'urls':
      return strings && value.every((each) => /^https?:\/\/\S+$/.test(each))
        ? undefined
        : not('a list of URLs');
    case 'cidrs':
      return strings ? cidrProblem(key, value) : not('a list of CIDRs');
    case 'sizes':
      return isSizes(value) ? undefined : not('a map of names to positive numbers');
  }
}

function cidrProblem(key: string, value: readonly string[]): string | undefined {
  try {
    const families = value.map((text) => parseCidr(text).ip.family);
    return new Set(families).size === families.length ? undefined : `${key} has more than one of a family`;
  } catch (error) {
    return `${key}: ${describeError(error)}`;
  }
}

function isSizes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((size) => Number.isInteger(size) && size > 0);
}

const ofNodes: ReadonlySet<string> = new Set<ValueName>([
  ...(['image', 'imagePullSecrets', 'cgroup', 'cniConfDirectory'] as const),
]);

/** Of recorded values those by which nodes are given back. Others may be such that this version does not know them. */
export function valuesOfNodes(recorded: Values): Values {
  return Object.fromEntries(Object.entries(recorded).filter(([key]) => ofNodes.has(key)));
}

/** @param image of this version, unless another is given */
export function deployValues(values: Values, image: string): DeployValues {
  // Sorted, as Helm's JSON is: the same settings are the same text, whoever makes the objects.
  const settings = Object.entries(values).filter(([key]) => entries[key]?.agent);
  const agent = Object.fromEntries(settings.sort(([a], [b]) => (a < b ? -1 : 1)));
  const own = Object.fromEntries(Object.entries(values).filter(([key]) => !entries[key]?.agent));
  return { ...defaultValues(image), ...(own as Partial<Record<ValueName, never>>), agent };
}
