/** Fields that a body has twice, which JSON.parse does not tell: of two the last one counts. */

/** Of a string that a colon follows there is none in JSON but a name. */
const name = /"(?:[^"\\]|\\.)*"\s*:/g;
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((sum, member) => sum + countNames(member), own);
}

interface Level {
  path: string;
  /** Of an object. */
  names?: Set<string>;
  /** Of a list. */
  index: number;
  /** Of the member that comes. */
  at: string;
}

/** Walks the tokens of a text that is known to be JSON. */
class Walk {
  readonly duplicates: string[] = [];
  readonly #levels: Level[] = [];
  #text = '';

  take(text: string): void {
    const level = this.#levels.at(-1);
    if (text === '{' || text === '[') this.#enter(text === '{', level);
    else if (text === '}' || text === ']') this.#levels.pop();
    else if (text === ',' && level?.names === undefined) this.#next(level!);
    else if (text === ':' && level?.names !== undefined) this.#name(level, level.names);
    this.#text = text;
  }

  #enter(isObject: boolean, level: Level | undefined): void {
    const path = level?.at ?? '';
    this.#levels.push({ path, index: 0, at: `${path}[0]`, ...(isObject && { names: new Set<string>() }) });
  }

  #next(level: Level): void {
    level.index += 1;
    level.at = `${level.path}[${level.index}]`;
  }

  #name(level: Level, names: Set<string>): void {
    const own = JSON.parse(this.#text) as string;
    level.at = level.path === '' ? own : `${level.path}.${own}`;
    if (names.has(own)) this.duplicates.push(level.at);
    names.add(own);
  }
}

/** Paths of names that are in an object again, as `spec.ports[0].port`; `value` is what the text says. */
export function duplicateFields(text: string, value: unknown): string[] {
  if ((text.match(name)?.length ?? 0) === countNames(value)) return [];
  const walk = new Walk();
  for (const [found] of text.matchAll(token)) walk.take(found);
  return [...new Set(walk.duplicates)];
}
