/** Reads a Corefile: server blocks with their keys and directives, snippets, imports (Caddy 1's grammar). */
import type { Directive, Place, ServerBlock, ServerKey } from './directive.ts';
import type { Environment } from './environment.ts';
import { serverKeysOf } from './keys.ts';
import type { Token } from './lexer.ts';
import { corefileError } from './options.ts';
import { type CorefileSources, fileSources } from './sources.ts';
import { TokenReader } from './token-reader.ts';

export interface CorefileOptions {
  text: string;
  /** Its path: errors name it, imports start from its directory. */
  file: string;
  environment?: Environment;
  sources?: CorefileSources;
  /** Port of keys that name none and no transport but `dns`. */
  defaultPort?: number;
}

/** Its server blocks, in their order. @throws TendrilError COREFILE naming file and line */
export function parseCorefile(options: CorefileOptions): ServerBlock[] {
  return parseBlocks(options).map(({ words, directives, at }) => ({
    keys: words.flatMap((word) => serverKeysOf(word.text, word.at, options.defaultPort)) as ServerKey[],
    directives,
    at,
  }));
}

/** A server block with its keys as they are written. */
export interface RawBlock {
  words: readonly Token[];
  directives: Directive[];
  at: Place;
}

/** The grammar alone: keys and names of directives may be anything. @throws COREFILE */
export function parseBlocks(options: CorefileOptions): RawBlock[] {
  const { text, file, environment = process.env, sources = fileSources } = options;
  const reader = new TokenReader({ text, file, environment, sources });
  const blocks: RawBlock[] = [];
  for (;;) {
    reader.resolveImports();
    if (reader.peek() === undefined) return blocks;
    const block = readBlock(reader);
    if (block !== undefined) blocks.push(block);
  }
}

function readBlock(reader: TokenReader): RawBlock | undefined {
  const at = reader.place;
  const words = readKeys(reader);
  const snippet = snippetName(words);
  if (snippet !== undefined) {
    reader.defineSnippet(snippet, readSnippet(reader, at), at);
    return undefined;
  }
  const directives = reader.peek() === undefined ? [] : readBody(reader);
  if (words.length > 0) return { words, directives, at };
  if (directives.length > 0) throw corefileError(at, 'a server block without a zone');
  return undefined;
}

/** What a server block's keys define in truth, where they are a snippet's name. */
export function snippetName(keys: readonly Token[]): string | undefined {
  return keys.length === 1 ? /^\((.*)\)$/s.exec(keys[0]!.text)?.[1] : undefined;
}

/** Keys end with their line; a comma at a key's end goes on in the next. */
export function readKeys(reader: TokenReader): Token[] {
  const keys: Token[] = [];
  let first = true;
  let more = false;
  for (; first || more || reader.onSameLine; first = false) {
    reader.resolveImports();
    const next = reader.peek();
    if (next === undefined || next.text === '{') {
      if (more) throw corefileError(reader.place, 'another zone must follow the comma');
      break;
    }
    const key = reader.take();
    more = key.text.endsWith(',');
    const text = more ? key.text.slice(0, -1) : key.text;
    if (text !== '') keys.push({ ...key, text });
  }
  return keys;
}

/** Braces may be left out where the whole text is one server block. */
function readBody(reader: TokenReader): Directive[] {
  const directives: Directive[] = [];
  const braced = reader.peek()!.text === '{';
  const opening = braced ? reader.take().at : undefined;
  for (;;) {
    reader.resolveImports();
    const next = reader.peek();
    if (next === undefined) {
      if (opening === undefined) return directives;
      throw corefileError(opening, 'the server block that opens here is never closed', 'Add a line with }.');
    }
    if (next.text === '}') {
      if (opening === undefined) throw strayBrace(next.at);
      reader.take();
      return directives;
    }
    directives.push(readDirective(reader));
  }
}

/** One line, and the lines of its block. Inside a block, `}` ends that wherever it stands. */
function readDirective(reader: TokenReader, inBlock = false): Directive {
  const { text: name, at } = reader.take();
  if (name === '{') throw corefileError(at, 'a block opens on the line of its directive');
  const args: string[] = [];
  let block: Directive[] | undefined;
  while (reader.onSameLine) {
    const { text, at: place } = reader.peek()!;
    if (text === '}' && inBlock) break;
    if (text === '}') throw strayBrace(place);
    if (block !== undefined) throw corefileError(place, `"${text}" stands behind the block of ${name}`);
    if (text === '{') block = readLines(reader);
    else args.push(reader.take().text);
  }
  return { name, args, ...(block && { block }), at };
}

function readLines(reader: TokenReader): Directive[] {
  const opening = reader.take().at;
  const lines: Directive[] = [];
  for (;;) {
    reader.resolveImports();
    const next = reader.peek();
    if (next === undefined) throw corefileError(opening, 'the block that opens here is never closed');
    if (next.text === '}') {
      reader.take();
      return lines;
    }
    lines.push(readDirective(reader, true));
  }
}

/** A snippet's words, without its braces. @throws COREFILE */
export function readSnippet(reader: TokenReader, at: Place): Token[] {
  if (reader.peek()?.text !== '{') throw corefileError(at, 'a snippet needs braces');
  reader.take();
  const body: Token[] = [];
  for (let depth = 1; ; ) {
    const next = reader.peek();
    if (next === undefined) throw corefileError(at, 'the snippet that opens here is never closed');
    if (next.text === '{') depth++;
    if (next.text === '}' && --depth === 0) {
      reader.take();
      return body;
    }
    body.push(next);
    reader.take();
  }
}

function strayBrace(at: Place) {
  return corefileError(at, 'a } without the { that it closes');
}
