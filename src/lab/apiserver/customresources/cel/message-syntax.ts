/**
 * `Type{field: value}`: the language's construction of messages, which the environment does not read. Rewritten to calls
 * of a macro, `newMessage("Type", {"field": value})`; an optional field, `?field: value`, keeps its mark in the name.
 */

export const constructing = 'newMessage';

export interface Rewritten {
  text: string;
  /** Of all messages that are constructed. */
  types: ReadonlySet<string>;
  /** Where something in the new text was in the old. */
  positionOf(position: number): number;
}

const skipped =
  /\/\/[^\n]*|[rR]?(?:"""[\s\S]*?"""|'''[\s\S]*?''')|[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y;
const opening = /\.?[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*(\s*)\{/y;
const word = /[A-Za-z_]\w*|\d\w*/y;
const field = /(\s*)(\?)?\s*(?:([A-Za-z_]\w*)|`([^`\n]+)`)\s*:/y;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

class Rewriting {
  readonly #source: string;
  #at = 0;
  #text = '';
  /** For each open bracket, whether it is a message's. */
  readonly #open: boolean[] = [];
  readonly #pieces: { to: number; from: number }[] = [{ to: 0, from: 0 }];
  readonly types = new Set<string>();

  constructor(source: string) {
    this.#source = source;
  }

  #take(from: string, to = from): void {
    this.#at += from.length;
    this.#text += to;
    if (from !== to) this.#pieces.push({ to: this.#text.length, from: this.#at });
  }

  #message([text]: RegExpExecArray): void {
    const name = text.slice(0, -1).replaceAll(/\s|^\./g, '');
    this.types.add(name);
    this.#open.push(true);
    this.#take(text, `${constructing}("${name}", {`);
    this.#field();
  }

  #field(): void {
    const match = matchAt(field, this.#source, this.#at);
    if (match === null) return;
    const [text, space, optional = '', name, quoted] = match;
    this.#take(text, `${space}${JSON.stringify(optional + (name ?? quoted))}:`);
  }

  #character(): void {
    const c = this.#source[this.#at]!;
    if ('([{'.includes(c)) this.#open.push(false);
    const closes = ')]}'.includes(c) && this.#open.pop() === true;
    this.#take(c, closes ? `${c})` : c);
    if (c === ',' && this.#open.at(-1) === true) this.#field();
  }

  run(): Rewritten {
    while (this.#at < this.#source.length) {
      const same = matchAt(skipped, this.#source, this.#at);
      const message = same ? null : matchAt(opening, this.#source, this.#at);
      const other = same ?? matchAt(word, this.#source, this.#at);
      if (message !== null && !/^in\s*\{$/.test(message[0])) this.#message(message);
      else if (other !== null) this.#take(other[0]);
      else this.#character();
    }
    const pieces = this.#pieces;
    const positionOf = (position: number) => {
      const piece = pieces.findLast(({ to }) => to <= position)!;
      return Math.min(piece.from + position - piece.to, this.#source.length);
    };
    return { text: this.#text, types: this.types, positionOf };
  }
}

export const rewriteMessages = (source: string): Rewritten => new Rewriting(source).run();
