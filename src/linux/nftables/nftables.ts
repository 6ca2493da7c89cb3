/**
 * nftables rule sets, by the nft program: each text is one transaction, applied as a whole or not at all
 * (nft(8)). Rule sets change rarely; a process of 5 ms is worth its transactions and its error messages.
 */
import type { NetnsHandle } from '../netns/netns.ts';

export interface Nftables {
  /**
   * Applies a rule set in the namespace (undefined: the process's own).
   * @throws TendrilError TOOL_FAILED with nft's message and the line it is about; nothing is changed then
   */
  apply(netns: NetnsHandle | undefined, ruleset: string): Promise<void>;
  /** The rule set as nft prints it, or one table (`inet tendril`); '' for a table that is not there. */
  list(netns: NetnsHandle | undefined, table?: string): Promise<string>;
  /** Names of the tables, with their family: `ip nat`. */
  tables(netns: NetnsHandle | undefined): Promise<string[]>;
  /** What `list` lists as objects (libnftables-json(5)), with handles; rules of iptables-nft are there too, their matches by name alone. */
  describe(netns: NetnsHandle | undefined, table?: string): Promise<unknown>;
}
