/** Words of an expression (expr-lang.org, docs/language-definition). */

export interface Token {
  kind: 'number' | 'string' | 'name' | 'operator' | 'end';
  /** A string's is without its quotes, escapes resolved. */
  text: string;
}

const pattern =
  /\s+|\/\*[\s\S]*?\*\/|\/\/.*|(?<number>0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<string>"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|`[^`]*`)|(?<name>[A-Za-z_]\w*)|(?<operator>\*\*|\.\.|\?\?|==|!=|<=|>=|&&|\|\||[-+*/%^<>!?:.,|()[\]{}#])|(?<stray>[\s\S])/gy;

/** @throws Error for what is no word */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const { groups = {} } of text.matchAll(pattern)) {
    const { number, string, name, operator, stray } = groups;
    if (stray !== undefined) throw new Error(`"${stray}" is not understood`);
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (string !== undefined) tokens.push({ kind: 'string', text: unquoted(string) });
    else if (name !== undefined)
      tokens.push({ kind: wordOperators.has(name) ? 'operator' : 'name', text: name });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator });
  }
  return [...tokens, { kind: 'end', text: 'the end' }];
}

const wordOperators = new Set('and or not in matches contains startsWith endsWith'.split(' '));

const escapes: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' },
};

function unquoted(word: string): string {
  const inside = word.slice(1, -1);
  if (word.startsWith('`')) return inside;
  return inside.replaceAll(/\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|([\s\S]))/g, (_, unicode, byte, plain) => {
    const code: string | undefined = unicode ?? byte;
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    const character = escapes[plain];
    if (character === undefined && /\w/.test(plain)) throw new Error(`\\${plain} is no escape`);
    return character ?? plain;
  });
}
