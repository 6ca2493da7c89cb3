/**
 * What kube-proxy leaves in a node's kernel, in any of its modes, is removed: once its pod is gone, and Tendril's datapath
 * serves what is new. Connections that it translated go on: the kernel's conntrack holds them, as long as somebody uses
 * that. IPVS holds its own, and is left until they are over.
 */
import { translatedConnections } from '../linux/conntrack/conntrack.ts';
import { IpSets } from '../linux/ipset/ipset.ts';
import { findLegacyProgram, type IpVersion, legacyTables } from '../linux/iptables/legacy-iptables.ts';
import { countIpvsConnections, countVirtualServers, flushVirtualServers } from '../linux/ipvs/ipvs.ts';
import { openRouteNetlink } from '../linux/netlink/kernel-route-netlink.ts';
import { nftProgram } from '../linux/nftables/nft-program.ts';
import { parseRuleset } from '../linux/nftables/ruleset.ts';
import { SockDiag, socketStates } from '../linux/sock-diag/sock-diag.ts';
import { describeError, TendrilError } from '../util/errors.ts';
import { planLegacyRemoval } from './kube-proxy/legacy-plan.ts';
import { isKubeProxySet } from './kube-proxy/names.ts';
import { hasOtherNat, keepStatements, keptTable, planNftRemoval } from './kube-proxy/nft-plan.ts';

export interface RemoveKubeProxyInput {
  /** Also while kube-proxy runs, which makes its rules anew. */
  force?: boolean;
}

export interface RemoveKubeProxyReport {
  removed: {
    /** Of nftables: `ip kube-proxy`. */
    tables: string[];
    /** `ip nat KUBE-SERVICES`; of the older iptables with `legacy` before it. */
    chains: string[];
    ipsets: string[];
    links: string[];
    virtualServers: number;
  };
  /** That go on, by the kernel. */
  translatedConnections: number;
  /** A table that does nothing stays for them; a later run removes it. */
  natKept: boolean;
  /** What could not be removed, and what to do. */
  problems: string[];
}

/** kube-proxy's metricsBindAddress unless it is configured. */
const metricsPort = 10_249;
const dummyLink = 'kube-ipvs0';

/** @throws TendrilError NOT_READY while kube-proxy runs on the node */
export async function removeKubeProxyRules(
  { force = false }: RemoveKubeProxyInput,
  { host }: { host: string },
): Promise<RemoveKubeProxyReport> {
  if (!force && listens(metricsPort))
    throw new TendrilError(
      'NOT_READY',
      `kube-proxy runs on this node (something listens on port ${metricsPort})`,
      {
        remedy: 'Remove its DaemonSet, or keep it from this node, and wait until its pod has ended.',
      },
    );
  const connections = (await translatedConnections()).length;
  const nft = await removeNft(connections);
  const problems: string[] = [];
  const legacy = ([4, 6] as const).flatMap((version) => removeLegacy(version, host, problems));
  const ipvs = removeIpvs(problems);
  return {
    removed: {
      tables: nft.tables,
      chains: [...nft.chains, ...legacy],
      ipsets: removeIpSets(problems),
      ...ipvs,
    },
    translatedConnections: connections,
    natKept: nft.natKept,
    problems,
  };
}

function listens(port: number): boolean {
  using sockets = new SockDiag();
  return sockets.list('TCP', 1 << socketStates.LISTEN).some(({ local }) => local.port === port);
}

async function removeNft(connections: number) {
  const ruleset = parseRuleset(await nftProgram.describe(undefined));
  const removal = planNftRemoval(ruleset);
  const isKept = ruleset.tables.includes(keptTable);
  const natKept = connections > 0 && !hasOtherNat(ruleset) && (isKept || removal.statements.length > 0);
  const statements = [
    ...(natKept ? keepStatements : []),
    ...removal.statements,
    ...(isKept && !natKept ? [`delete table ${keptTable}`] : []),
  ];
  if (statements.length > 0) await nftProgram.apply(undefined, `${statements.join('\n')}\n`);
  return { tables: removal.tables, chains: removal.chains, natKept };
}

function removeLegacy(version: IpVersion, host: string, problems: string[]): string[] {
  const tables = legacyTables(version);
  if (tables.length === 0) return [];
  const program = findLegacyProgram(version, host);
  if (program === undefined) {
    problems.push(
      `the node has rules of the older iptables (IPv${version}: ${tables.join(', ')}) and no program that shows them; ` +
        "kube-proxy's are gone when the node starts anew, or with the package iptables on it and another run",
    );
    return [];
  }
  try {
    const { chains, input } = planLegacyRemoval(program('save'));
    if (input !== '') program('restore', input);
    return chains.map((chain) => `legacy ${version === 4 ? 'ip' : 'ip6'} ${chain}`);
  } catch (error) {
    problems.push(describeError(error));
    return [];
  }
}

/** After the rules that ask them. */
function removeIpSets(problems: string[]): string[] {
  using sets = new IpSets();
  return sets
    .names()
    .filter(isKubeProxySet)
    .filter((name) => {
      try {
        return sets.destroy(name);
      } catch (error) {
        problems.push(describeError(error));
        return false;
      }
    });
}

/** Only where kube-proxy's interface tells that the virtual servers are its own. */
function removeIpvs(problems: string[]): { links: string[]; virtualServers: number } {
  using netlink = openRouteNetlink();
  const link = netlink.link(dummyLink);
  if (link === undefined) return { links: [], virtualServers: 0 };
  const connections = countIpvsConnections();
  if (connections > 0) {
    problems.push(
      `IPVS serves ${connections} connections that began before: its virtual servers and ${dummyLink} stay until another run finds none`,
    );
    return { links: [], virtualServers: 0 };
  }
  const virtualServers = countVirtualServers();
  flushVirtualServers();
  netlink.deleteLink(link.index);
  return { links: [dummyLink], virtualServers };
}
