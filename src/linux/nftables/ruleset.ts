/** What nft says of a rule set as objects, as far as one needs it to remove something from it. Pure. */
import { TendrilError } from '../../util/errors.ts';

export interface NftChain {
  /** `ip`, `ip6`, `inet`, … */
  family: string;
  table: string;
  name: string;
  /** `nat`, `filter`, `route`; only of base chains. */
  type?: string;
  hook?: string;
}

export interface NftRule {
  family: string;
  table: string;
  chain: string;
  handle: number;
  comment?: string;
  /** Chains that it jumps or goes to. */
  targets: string[];
}

export interface Ruleset {
  /** `ip nat`. */
  tables: string[];
  chains: NftChain[];
  rules: NftRule[];
}

/**
 * Of `nft -j -a list …`.
 * @throws TendrilError TOOL_FAILED for anything else
 */
export function parseRuleset(described: unknown): Ruleset {
  const { nftables } = described as { nftables?: unknown };
  if (!Array.isArray(nftables)) throw new TendrilError('TOOL_FAILED', 'nft: what it lists is no rule set');
  const ruleset: Ruleset = { tables: [], chains: [], rules: [] };
  for (const { table, chain, rule } of nftables) {
    if (table !== undefined) ruleset.tables.push(`${table.family} ${table.name}`);
    else if (chain !== undefined) ruleset.chains.push(chainOf(chain));
    else if (rule !== undefined) ruleset.rules.push(ruleOf(rule));
  }
  return ruleset;
}

function chainOf({ family, table, name, type, hook }: NftChain): NftChain {
  return { family, table, name, ...(type !== undefined && { type }), ...(hook !== undefined && { hook }) };
}

function ruleOf({ family, table, chain, handle, comment, expr }: NftRule & { expr?: unknown }): NftRule {
  return {
    ...{ family, table, chain, handle, targets: [...targetsIn(expr)] },
    ...(comment !== undefined && { comment }),
  };
}

/** Verdict maps hold them too. */
function* targetsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if ((key === 'jump' || key === 'goto') && typeof inner?.target === 'string') yield inner.target;
    else yield* targetsIn(inner);
  }
}
