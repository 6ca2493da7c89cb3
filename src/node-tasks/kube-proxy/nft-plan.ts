/**
 * What of kube-proxy's is among the rules that nft sees: its own tables (mode nftables), and its chains among those of
 * iptables-nft (modes iptables and ipvs). Pure.
 */
import type { Ruleset } from '../../linux/nftables/ruleset.ts';
import { masqueradeTable } from '../../podnet/masquerade.ts';
import { isKubeProxyChain, isKubeProxyTable } from './names.ts';

export interface NftRemoval {
  /** Of kube-proxy alone. */
  tables: string[];
  /** `ip nat KUBE-SERVICES`. */
  chains: string[];
  /** For nft(8), one transaction; empty where there is nothing. */
  statements: string[];
}

/** Rules that lead to its chains first, then what is in these, then the chains. */
export function planNftRemoval(ruleset: Ruleset): NftRemoval {
  const tables = ruleset.tables.filter(isKubeProxyTable);
  const shared = <T extends { family: string; table: string }>(all: readonly T[]): T[] =>
    all.filter(({ family, table }) => !isKubeProxyTable(`${family} ${table}`));
  const chains = shared(ruleset.chains).filter(({ name }) => isKubeProxyChain(name));
  const leading = shared(ruleset.rules).filter(
    ({ chain, targets }) => !isKubeProxyChain(chain) && targets.some(isKubeProxyChain),
  );
  const names = chains.map(({ family, table, name }) => `${family} ${table} ${name}`);
  return {
    tables,
    chains: names,
    statements: [
      ...tables.map((table) => `delete table ${table}`),
      ...leading.map(
        ({ family, table, chain, handle }) => `delete rule ${family} ${table} ${chain} handle ${handle}`,
      ),
      ...names.map((name) => `flush chain ${name}`),
      ...names.map((name) => `delete chain ${name}`),
    ],
  };
}

/** A table of ours, for as long as connections need what it stands for. */
export const keptTable = 'inet tendril-kept-nat';

/**
 * Translated connections need two things in the kernel: a nat chain of their family, without which there is no NAT, and a
 * rule that asks conntrack, without which packets are not looked up there. With the last of either they die. The agent's
 * masquerade has both, for both families; of others' rules nobody knows how long they stay.
 */
export function hasOtherNat(ruleset: Ruleset): boolean {
  const [family, table] = ['inet', masqueradeTable];
  return ruleset.rules.some((rule) => rule.family === family && rule.table === table);
}

export const keepStatements: readonly string[] = [
  `add table ${keptTable}`,
  `add chain ${keptTable} postrouting { type nat hook postrouting priority srcnat; policy accept; }`,
  `flush chain ${keptTable} postrouting`,
  `add rule ${keptTable} postrouting ct state established accept`,
];
