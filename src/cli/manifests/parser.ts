/**
 * Manifests from YAML or JSON text, documents separated by `---`, Lists flattened. YAML 1.1, as Kubernetes
 * reads it: `0644` is octal and `yes` a boolean.
 */
import {
  type Alias,
  type Document,
  isMap,
  LineCounter,
  parseAllDocuments,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { TendrilError } from '../../util/errors.ts';
import type { ManifestObject } from './document.ts';

/**
 * @param source the file's name, for messages
 * @throws TendrilError BAD_MANIFEST with `source:line:column` of the first mistake
 */
export function parseManifests(text: string, source: string): ManifestObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    lineCounter: lines,
    prettyErrors: false,
    // Kubernetes' YAML has no dates and no base-60 numbers; both would turn strings into something else.
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !excludedTag(tag)),
  });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => readDocument(document, source, lines));
}

const tooDeep = 'it is nested too deeply';

/** What the library throws instead of noting it in the document: aliases that multiply without end or name nothing. */
function unlessRefused<T>(read: () => T, origin: (message: string) => string): T {
  try {
    return read();
  } catch (cause) {
    const { message } = cause as Error;
    const bomb = message.startsWith('Excessive alias');
    const what = bomb ? 'its aliases multiply to more than is sensible (a YAML bomb)' : message;
    throw new TendrilError(
      'BAD_MANIFEST',
      `${origin(message)}: ${cause instanceof RangeError ? tooDeep : what}`,
    );
  }
}

function excludedTag(tag: { tag: string; format?: string }): boolean {
  return tag.tag === 'tag:yaml.org,2002:timestamp' || tag.format === 'TIME';
}

function readDocument(document: Document.Parsed, source: string, lines: LineCounter): ManifestObject[] {
  const problem: YAMLError | undefined = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const [message] = problem.message.split('\n');
    const what = message?.startsWith('Maximum call stack') ? tooDeep : message;
    throw new TendrilError('BAD_MANIFEST', `${source}:${line}:${col}: ${what}`);
  }
  if (document.contents === null) return [];
  const start = lines.linePos(document.contents.range![0]);
  const value = unlessRefused(
    () => document.toJS() as Record<string, unknown> | null,
    (message) => `${source}:${aliasLine(document, lines, message) ?? start.line}`,
  );
  if (!isMap(document.contents)) {
    if (value === null) return [];
    throw new TendrilError(
      'BAD_MANIFEST',
      `${source}:${start.line}:${start.col}: a Kubernetes object is a mapping with apiVersion and kind`,
    );
  }
  return readObject(value!, { map: document.contents, source, lines });
}

/** Of the alias that the message names at its end, or of the first. */
function aliasLine(document: Document.Parsed, lines: LineCounter, message: string): number | undefined {
  let line: number | undefined;
  const Alias = (_key: unknown, { range, source }: Alias) => {
    const named = message.endsWith(`: ${source}`);
    if (range && (named || line === undefined)) line = lines.linePos(range[0]).line;
    return named ? visit.BREAK : undefined;
  };
  visit(document, { Alias });
  return line;
}

interface Place {
  map: YAMLMap | undefined;
  source: string;
  lines: LineCounter;
}

function readObject(value: Record<string, unknown>, place: Place): ManifestObject[] {
  const { apiVersion, kind, metadata } = value;
  const fail = (message: string, key?: string): never => {
    throw new TendrilError('BAD_MANIFEST', `${originOf(place, key)}: ${message}`);
  };
  if (typeof apiVersion !== 'string' || apiVersion === '')
    fail('apiVersion is missing or is no text', 'apiVersion');
  if (typeof kind !== 'string' || kind === '') fail('kind is missing or is no text', 'kind');
  if (Array.isArray(value.items) && (kind as string).endsWith('List')) return readItems(value.items, place);
  if (metadata === null || typeof metadata !== 'object') fail(`${kind} has no metadata`, 'metadata');
  const { name, generateName } = metadata as Record<string, unknown>;
  if (name === undefined && generateName === undefined) fail(`${kind} has no metadata.name`, 'metadata');
  if (name !== undefined && typeof name !== 'string')
    fail(`metadata.name of ${kind} must be text; quote it: "${name}"`, 'metadata');
  return [{ object: value as ManifestObject['object'], origin: originOf(place) }];
}

function readItems(items: unknown[], place: Place): ManifestObject[] {
  const nodes = place.map?.get('items', true) as { items?: unknown[] } | undefined;
  return items.flatMap((item, i) => {
    const node = nodes?.items?.[i];
    if (item === null || typeof item !== 'object') {
      throw new TendrilError(
        'BAD_MANIFEST',
        `${originOf(place, 'items')}: item ${i} of the List is no object`,
      );
    }
    return readObject(item as Record<string, unknown>, { ...place, map: isMap(node) ? node : undefined });
  });
}

/** `file:line` of the object, or of one of its keys. */
function originOf({ map, source, lines }: Place, key?: string): string {
  const pair = map?.items.find((item) => String((item.key as { value?: unknown }).value) === key);
  const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range ?? map?.range;
  return range ? `${source}:${lines.linePos(range[0]).line}` : source;
}
