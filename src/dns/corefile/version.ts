/**
 * What tells one Corefile from another: the value that servers show as `coredns_reload_version_info`, so that others
 * can see which one they serve.
 */
import { createHash } from 'node:crypto';
import type { ServerBlock } from './directive.ts';
import type { Token } from './lexer.ts';
import { type CorefileOptions, readKeys, readSnippet, snippetName } from './parser.ts';
import { fileSources } from './sources.ts';
import { TokenReader } from './token-reader.ts';

/** Tendril's: changes with anything but white space and comments. */
export function corefileVersion(blocks: readonly ServerBlock[]): string {
  return sha512(JSON.stringify(blocks, withoutPlaces));
}

/**
 * CoreDNS's: SHA-512 of the words of each directive with their lines, as its `reload` plugin writes them in JSON. Of a
 * Corefile that `parseCorefile` takes.
 */
export function coreDnsVersion(options: CorefileOptions): string {
  const { text, file, environment = process.env, sources = fileSources } = options;
  const reader = new TokenReader({ text, file, environment, sources });
  const blocks: unknown[] = [];
  for (;;) {
    reader.resolveImports();
    if (reader.peek() === undefined) break;
    const block = readBlock(reader, file);
    if (block !== undefined) blocks.push(block);
  }
  return sha512(goJson(blocks));
}

function readBlock(reader: TokenReader, file: string): unknown {
  const at = reader.place;
  const keys = readKeys(reader);
  const snippet = snippetName(keys);
  if (snippet !== undefined) {
    reader.defineSnippet(snippet, readSnippet(reader, at), at);
    return undefined;
  }
  const words = new Map<string, unknown[]>();
  const braced = reader.peek()?.text === '{' && reader.take();
  for (;;) {
    reader.resolveImports();
    const next = reader.peek();
    if (next === undefined || next.text === '}') break;
    const tokens = readDirective(reader);
    const name = tokens[0]!.text;
    words.set(name, [...(words.get(name) ?? []), ...tokens.map((token) => goToken(token, file))]);
  }
  if (braced) reader.take();
  // Go sorts the keys of a map.
  const sorted = Object.fromEntries([...words].sort(([a], [b]) => (a < b ? -1 : 1)));
  return keys.length === 0 ? undefined : { Keys: keys.map(({ text }) => text), Tokens: sorted };
}

/** All words to the end of the line, and of the block that opens on it. */
function readDirective(reader: TokenReader): Token[] {
  const tokens = [reader.take()];
  for (let depth = 0; ; ) {
    if (depth > 0) reader.resolveImports();
    const next = reader.peek();
    if (next === undefined || (depth === 0 && !reader.onSameLine)) return tokens;
    if (next.text === '{') depth++;
    else if (next.text === '}') depth--;
    tokens.push(reader.take());
  }
}

/** Words of the Corefile itself name no file there. */
const goToken = ({ text, at }: Token, file: string) => ({
  File: at.file === file ? '' : at.file,
  Line: at.line,
  Text: text,
});

/** As Go's encoding/json has it, which is careful of HTML. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === 'at' ? undefined : value;
}

const sha512 = (text: string): string => createHash('sha512').update(text).digest('hex');
