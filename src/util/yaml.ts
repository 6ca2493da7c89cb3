/**
 * YAML, for those who need it seldom and import this file when they do. Importing the library itself that way gives,
 * in the bundle, a module whose only export is `default`: it is a CommonJS one.
 */
import { parseDocument } from 'yaml';

export { parse, stringify } from 'yaml';

/** With the last of what is there twice, and words for each of these. Throws YAMLParseError for all else that is wrong. */
export function parseLeniently(text: string): { body: unknown; duplicates: string[] } {
  const document = parseDocument(text, { prettyErrors: true });
  const twice = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY');
  const other = document.errors.find((error) => !twice.includes(error));
  if (other !== undefined) throw other;
  const duplicates = twice.map(({ pos, linePos }) => {
    const [key] = /^[^:]*/.exec(text.slice(pos[0]))!;
    return `yaml: line ${linePos?.[0].line}: key ${JSON.stringify(key.trim())} already set in map`;
  });
  return { body: document.toJS(), duplicates };
}
