/**
 * Rules that the reference plugins made for one pod: portmap's for its host ports, bridge's and ptp's for masquerade. With
 * nftables they carry the container's id in a comment; with iptables each pod has chains of its own, named by a hash of
 * network and container (nft shows those of iptables-nft too). Pure: rule set in, statements for nft(8) out.
 */
import { createHash } from 'node:crypto';
import type { NftRule, Ruleset } from '../../linux/nftables/ruleset.ts';

/** Tables that may have such rules, as far as nft can list them. */
export const pluginTables = [
  'ip cni_hostport',
  'ip6 cni_hostport',
  'inet cni_plugins_masquerade',
  'ip nat',
  'ip6 nat',
] as const;

interface Container {
  network: string;
  containerId: string;
}

/** Empty where there are none. */
export function planPodRules(ruleset: Ruleset, container: Container): string[] {
  const names = new Set(chainNames(container));
  const chains = ruleset.chains.filter(({ name }) => names.has(name));
  const leading = ruleset.rules.filter(
    (rule) => isCommented(rule, container) || rule.targets.some((target) => names.has(target)),
  );
  return [
    ...leading.map(
      ({ family, table, chain, handle }) => `delete rule ${family} ${table} ${chain} handle ${handle}`,
    ),
    ...chains.map(({ family, table, name }) => `flush chain ${family} ${table} ${name}`),
    ...chains.map(({ family, table, name }) => `delete chain ${family} ${table} ${name}`),
  ];
}

/** portmap's comment is the id; bridge's has it at its end, perhaps cut (128 characters). */
function isCommented({ comment, table }: NftRule, { containerId }: Container): boolean {
  if (comment === undefined) return false;
  if (table === 'cni_hostport') return comment === containerId;
  const [, id] = /, id: (\S+)$/.exec(comment) ?? [];
  return (
    table === 'cni_plugins_masquerade' && id !== undefined && id.length >= 12 && containerId.startsWith(id)
  );
}

/** plugins/pkg/utils FormatChainName: 28 characters, filled with SHA-512 of network and container. */
function chainNames({ network, containerId }: Container): string[] {
  const hash = createHash('sha512')
    .update(network + containerId)
    .digest('hex');
  return ['CNI-', 'CNI-DN-', 'CNI-SN-'].map((prefix) => (prefix + hash).slice(0, 28));
}
