/**
 * Nftables in memory: remembers what was applied, and keeps tables by name with their text, as far as rule
 * sets go that are written table by table (`table FAMILY NAME { … }`, `add`, `delete`, `flush`, `destroy table`).
 */
import { TendrilError } from '../../util/errors.ts';
import type { NetnsHandle } from '../netns/netns.ts';
import type { Nftables } from './nftables.ts';

export class FakeNftables implements Nftables {
  /** Every rule set that was accepted, in order. */
  readonly applied: { netns: string; ruleset: string }[] = [];
  readonly #tables = new Map<string, Map<string, string[]>>();
  #failure: string | undefined;
  /** What `describe` answers, by table; all of it without one. */
  readonly described = new Map<string, unknown[]>();

  /** The next `apply` fails with nft's message, and changes nothing. */
  failNext(message: string): void {
    this.#failure = message;
  }

  async apply(netns: NetnsHandle | undefined, ruleset: string): Promise<void> {
    const message = this.#failure;
    this.#failure = undefined;
    if (message !== undefined) throw new TendrilError('TOOL_FAILED', `nft: apply rule set: ${message}`);
    const id = netns?.id ?? '';
    const next = applyStatements(this.#tables.get(id) ?? new Map(), splitStatements(ruleset));
    this.#tables.set(id, next);
    this.applied.push({ netns: netns?.path ?? '', ruleset });
  }

  async list(netns: NetnsHandle | undefined, table?: string): Promise<string> {
    const tables = this.#tables.get(netns?.id ?? '') ?? new Map<string, string[]>();
    return [...tables]
      .filter(([name]) => table === undefined || name === table)
      .map(([name, bodies]) => `table ${name} {\n${bodies.join('\n')}\n}\n`)
      .join('');
  }

  async tables(netns: NetnsHandle | undefined): Promise<string[]> {
    return [...(this.#tables.get(netns?.id ?? '')?.keys() ?? [])];
  }

  async describe(_netns: NetnsHandle | undefined, table?: string): Promise<unknown> {
    const objects = table === undefined ? [...this.described.values()].flat() : this.described.get(table);
    return { nftables: objects ?? [] };
  }
}

/** Statements at the top level: up to a newline or semicolon outside of braces. */
function splitStatements(ruleset: string): string[] {
  const statements: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of ruleset.replace(/#.*$/gm, '')) {
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (depth < 0) throw new TendrilError('TOOL_FAILED', 'nft: apply rule set: syntax error, unexpected }');
    if (depth === 0 && (character === '\n' || character === ';')) {
      statements.push(current);
      current = '';
    } else current += character;
  }
  if (depth !== 0)
    throw new TendrilError('TOOL_FAILED', 'nft: apply rule set: syntax error, unexpected end of file');
  return [...statements, current]
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function applyStatements(tables: Map<string, string[]>, statements: string[]): Map<string, string[]> {
  const next = new Map([...tables].map(([name, bodies]) => [name, [...bodies]]));
  for (const statement of statements) {
    const match = /^(?:(add|delete|flush|destroy)\s+)?table\s+(\w+)\s+([\w-]+)\s*(?:\{([\s\S]*)\})?$/.exec(
      statement,
    );
    if (match === null) continue;
    const [, verb = 'add', family, table, body] = match;
    applyToTable(next, { verb, name: `${family} ${table}`, body: body?.trim() });
  }
  return next;
}

function applyToTable(
  tables: Map<string, string[]>,
  change: { verb: string; name: string; body?: string },
): void {
  const { verb, name, body } = change;
  const missing = !tables.has(name);
  if (missing && (verb === 'delete' || verb === 'flush')) {
    throw new TendrilError(
      'TOOL_FAILED',
      `nft: apply rule set: No such file or directory in "${verb} table ${name}"`,
    );
  }
  if (verb === 'delete' || verb === 'destroy') tables.delete(name);
  else if (verb === 'flush') tables.set(name, []);
  else tables.set(name, [...(tables.get(name) ?? []), ...(body ? [body] : [])]);
}
