/** A cursor over a Corefile's words that puts in what `import` names: snippets, files, or the files of a pattern. */
import type { Place } from './directive.ts';
import { type Environment, expandEnvironment } from './environment.ts';
import { sameLine, type Token, tokenize } from './lexer.ts';
import { corefileError } from './options.ts';
import { type CorefileSources, importedFiles } from './sources.ts';

/** More than this many imports are a circle (CoreDNS has the same bound for snippets). */
const maxImports = 10_000;

export interface TokenReaderOptions {
  text: string;
  file: string;
  environment: Environment;
  sources: CorefileSources;
}

export class TokenReader {
  readonly #options: TokenReaderOptions;
  readonly #snippets = new Map<string, Token[]>();
  readonly #tokens: Token[];
  #next = 0;
  #imports = 0;
  /** The word that was taken last. */
  #taken: Token | undefined;

  constructor(options: TokenReaderOptions) {
    this.#options = options;
    this.#tokens = tokenize(options.text, options.file);
  }

  /** The word that `take` gives next; undefined at the end. */
  peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  /** Whether the next word stands on the line of the one taken last. */
  get onSameLine(): boolean {
    const next = this.peek();
    return this.#taken !== undefined && next !== undefined && sameLine(this.#taken, next);
  }

  /** The next word, its references to the environment put in. @throws COREFILE at the end */
  take(): Token {
    const token = this.peek();
    if (token === undefined) throw corefileError(this.place, 'the Corefile ends too early');
    this.#next++;
    this.#taken = token;
    return { ...token, text: expandEnvironment(token.text, this.#options.environment) };
  }

  /** Where the reader is, for errors: the next word's place, or the last one's at the end. */
  get place(): Place {
    return this.peek()?.at ?? this.#tokens.at(-1)?.at ?? { file: this.#options.file, line: 1 };
  }

  /** @throws COREFILE where a snippet of that name is there, or the block imports itself */
  defineSnippet(name: string, body: Token[], at: Place): void {
    if (this.#snippets.has(name)) throw corefileError(at, `the snippet "${name}" is declared twice`);
    this.#snippets.set(name, body);
  }

  /** Replaces an `import` that begins a line here, and whatever it leads to, by what it names. */
  resolveImports(): void {
    while (this.peek()?.text === 'import' && !this.onSameLine) this.#resolveImport();
  }

  #resolveImport(): void {
    const start = this.#next;
    const before = this.#taken;
    const { at } = this.take();
    const words: string[] = [];
    while (this.onSameLine) words.push(this.take().text);
    const [pattern, ...args] = words;
    if (!pattern) throw corefileError(at, 'import takes a snippet, a file or a pattern of files');
    if (++this.#imports > maxImports)
      throw corefileError(at, `import "${pattern}" leads to more than ${maxImports} imports: a circle`);
    const imported = this.#imported(pattern, args, at);
    this.#tokens.splice(start, this.#next - start, ...imported);
    this.#next = start;
    this.#taken = before;
  }

  #imported(pattern: string, args: readonly string[], at: Place): Token[] {
    const source = this.#imports;
    const snippet = this.#snippets.get(pattern);
    if (snippet !== undefined)
      return snippet.map((token) => ({ ...token, text: withArguments(token.text, args), source }));
    if (args.length > 0) throw corefileError(at, 'import takes one file or pattern of files');
    return importedFiles(pattern, at, this.#options.sources).flatMap((path) => this.#readFile(path, at));
  }

  #readFile(path: string, at: Place): Token[] {
    try {
      return tokenize(this.#options.sources.read(path), path, this.#imports);
    } catch (cause) {
      throw corefileError(at, `the file ${path} cannot be imported`, String(cause));
    }
  }
}

/** `{args.0}` is the first word behind the snippet's name; where there is none the word stays. */
function withArguments(text: string, args: readonly string[]): string {
  return text.replace(/\{args\.(\d+)\}/g, (whole, index: string) => args[Number(index)] ?? whole);
}
