/**
 * Splits a Corefile into words as Caddy 1 does: white space separates them, quotes hold one together, `#` begins
 * a comment anywhere. Inside quotes a backslash escapes a quote and nothing else, and lines may end.
 */
import type { Place } from './directive.ts';

export interface Token {
  text: string;
  at: Place;
  /** Line that the word ends on: a quoted one may hold line ends. */
  endLine: number;
  /** Which piece of text it comes from: words of two imports never share a line. */
  source: number;
}

const byteOrderMark = 0xfe_ff;
const whiteSpace = /\s/;

/** All words of a text. Quotes that are never closed end with the text. */
export function tokenize(text: string, file: string, source = 0): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let i = text.charCodeAt(0) === byteOrderMark ? 1 : 0;

  function quoted(): void {
    const at = { file, line };
    let word = '';
    for (i++; i < text.length && text[i] !== '"'; i++) {
      if (text[i] === '\\' && text[i + 1] === '"') i++;
      else if (text[i] === '\\' && text[i + 1] === '\\') word += text[i++];
      if (text[i] === '\n') line++;
      word += text[i];
    }
    const closed = i < text.length;
    i++;
    if (closed || word !== '') tokens.push({ text: word, at, endLine: line, source });
  }

  function plain(): void {
    let word = '';
    for (; i < text.length && !whiteSpace.test(text[i]!) && text[i] !== '#'; i++) word += text[i];
    tokens.push({ text: word, at: { file, line }, endLine: line, source });
  }

  while (i < text.length) {
    const char = text[i]!;
    if (char === '#') while (i < text.length && text[i] !== '\n') i++;
    else if (whiteSpace.test(char)) {
      if (char === '\n') line++;
      i++;
    } else if (char === '"') quoted();
    else plain();
  }
  return tokens;
}

/** True where `next` stands on the line that `previous` ends on. */
export function sameLine(previous: Token, next: Token): boolean {
  return (
    previous.source === next.source && previous.at.file === next.at.file && previous.endLine === next.at.line
  );
}
