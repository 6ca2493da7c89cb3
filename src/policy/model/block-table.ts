/**
 * Blocks of the policies in use. A lookup finds the longest prefix that holds an address; so each prefix that a block
 * names, or excepts, stands for the set of all blocks that hold all of it, and a rule names each set that its block is in.
 */
import { type Cidr, cidrHolds, cidrOf, familyBits, formatCidr } from '../../net/cidr.ts';
import { compareIp, type Family, type Ip, mappedBytes, parseIp } from '../../net/ip.ts';
import type { PolicyNumber } from '../policy-state.ts';
import { PeerGrant, type Scope } from './grant.ts';
import { numberOf } from './identity.ts';
import type { IpBlock } from './ip-block.ts';
import type { PortBlock } from './port-range.ts';
import { room } from './room.ts';
import { inSteps } from './steps.ts';

/** Ports of one block, or of the addresses of one text, for one subject. */
export class BlockGrant {
  readonly text: string;
  readonly #scope: Scope;
  readonly #ports: readonly PortBlock[];
  #issued: ReadonlySet<PolicyNumber> = new Set();

  constructor(scope: Scope, text: string, ports: readonly PortBlock[]) {
    this.text = text;
    this.#scope = scope;
    this.#ports = ports;
  }

  /** Names the sets that the block is in now, and no others. */
  issue(sets: ReadonlySet<PolicyNumber>): void {
    const grant = (set: PolicyNumber) => new PeerGrant(this.#scope, set, this.#ports);
    for (const set of sets.difference(this.#issued)) grant(set).issue();
    for (const set of this.#issued.difference(sets)) grant(set).revoke();
    this.#issued = new Set(sets);
  }
}

/** Texts of blocks that hold all of some prefixes, most often of one. */
interface BlockSet {
  number: PolicyNumber;
  texts: readonly string[];
  prefixes: number;
}

const ipv4: Cidr = { ip: parseIp('0.0.0.0'), prefix: 0 };
const noSets: ReadonlySet<PolicyNumber> = new Set();

export class BlockTable {
  readonly #blocks = new Map<string, IpBlock>();
  readonly #grants = new Map<string, Set<BlockGrant>>();
  /** Of single addresses, which are many, further texts that hold there. */
  readonly #named = new Map<string, Set<string>>();
  /** By prefix that blocks name. */
  #held: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #lengths: Record<Family, number[]> = { 4: [], 6: [] };
  readonly #sets = new Map<string, BlockSet>();
  readonly #setsOf = new Map<string, Set<PolicyNumber>>();
  readonly #at = new Map<string, BlockSet>();
  readonly #numbers = new Map<string, PolicyNumber>();
  /** To be worked off by `update`. */
  #blocksChanged = false;
  #leftOut = 0;
  readonly #changedAddresses = new Set<string>();
  readonly #changedTexts = new Set<string>();

  /** In force with the next `update`. A text without a block holds where `name` says. */
  add(grant: BlockGrant, block?: IpBlock): void {
    const { text } = grant;
    const grants = this.#grants.get(text) ?? new Set();
    this.#grants.set(text, grants.add(grant));
    this.#changedTexts.add(text);
    if (block === undefined || this.#blocks.has(text)) return;
    this.#blocks.set(text, block);
    this.#blocksChanged = true;
  }

  remove(grant: BlockGrant): void {
    const { text } = grant;
    const grants = this.#grants.get(text)!;
    grant.issue(noSets);
    grants.delete(grant);
    if (grants.size > 0) return;
    this.#grants.delete(text);
    if (this.#blocks.delete(text)) this.#blocksChanged = true;
  }

  /** The text holds at the address, or no longer. */
  name(address: string, text: string, holds: boolean): void {
    const texts = this.#named.get(address) ?? new Set();
    if (holds) texts.add(text);
    else texts.delete(text);
    if (texts.size > 0) this.#named.set(address, texts);
    else this.#named.delete(address);
    this.#changedAddresses.add(address);
  }

  /** Why some hold nothing. */
  get problem(): string | undefined {
    const why = `blocks inside one another are more than ${room.heldBlocks} in all`;
    return this.#leftOut > 0 ? `${this.#leftOut} of ${this.#blocks.size} allow nothing: ${why}` : undefined;
  }

  /** Numbers by prefix, as of the last `update`. */
  get numbers(): ReadonlyMap<string, PolicyNumber> {
    return this.#numbers;
  }

  /** In short steps, as far as addresses go. */
  *update(): Generator<void> {
    if (this.#blocksChanged) this.#placeBlocks();
    for (const address of inSteps(this.#changedAddresses)) {
      if (address !== undefined) this.#placeAddress(address);
      else yield;
    }
    for (const text of this.#changedTexts)
      for (const grant of this.#grants.get(text) ?? []) grant.issue(this.#setsOf.get(text) ?? noSets);
    this.#blocksChanged = false;
    this.#changedAddresses.clear();
    this.#changedTexts.clear();
  }

  #placeBlocks(): void {
    for (const prefix of [...this.#at.keys()]) this.#leave(prefix);
    const { held: all, leftOut } = placeMany([...this.#blocks.values()]);
    this.#held = all;
    this.#leftOut = leftOut;
    const lengths: Record<Family, Set<number>> = { 4: new Set(), 6: new Set() };
    for (const [prefix, held] of this.#held) {
      const [address, length] = prefix.split('/') as [string, string];
      lengths[address.includes(':') ? 6 : 4].add(Number(length));
      this.#enter(prefix, held);
    }
    const longestFirst = (of: Set<number>) => [...of].sort((a, b) => b - a);
    this.#lengths = { 4: longestFirst(lengths[4]), 6: longestFirst(lengths[6]) };
    for (const address of this.#named.keys()) this.#changedAddresses.add(address);
  }

  #placeAddress(address: string): void {
    const ip = parseIp(address);
    const prefix = `${address}/${familyBits(ip.family)}`;
    const named = this.#named.get(address);
    this.#leave(prefix);
    if (named || this.#held.has(prefix)) this.#enter(prefix, [...this.#heldAt(ip), ...(named ?? [])]);
  }

  #heldAt(ip: Ip): Iterable<string> {
    for (const length of this.#lengths[ip.family]) {
      const held = this.#held.get(formatCidr(cidrOf(ip, length)));
      if (held) return held;
    }
    return [];
  }

  #enter(prefix: string, held: Iterable<string>): void {
    const texts = [...held].sort();
    const key = JSON.stringify(['blocks', ...texts]);
    const set = this.#sets.get(key) ?? { number: numberOf(key), texts, prefixes: 0 };
    this.#at.set(prefix, set);
    this.#numbers.set(prefix, set.number);
    if (set.prefixes++ > 0) return;
    this.#sets.set(key, set);
    for (const text of texts) {
      this.#setsOf.set(text, (this.#setsOf.get(text) ?? new Set()).add(set.number));
      this.#changedTexts.add(text);
    }
  }

  #leave(prefix: string): void {
    const set = this.#at.get(prefix);
    this.#at.delete(prefix);
    this.#numbers.delete(prefix);
    if (set === undefined || --set.prefixes > 0) return;
    this.#sets.delete(JSON.stringify(['blocks', ...set.texts]));
    for (const text of set.texts) {
      const sets = this.#setsOf.get(text)!;
      sets.delete(set.number);
      if (sets.size === 0) this.#setsOf.delete(text);
      this.#changedTexts.add(text);
    }
  }
}

interface Prefix {
  cidr: Cidr;
  /** Texts of blocks that begin and end here. */
  begins: string[];
  ends: string[];
}

type HeldBlocks = ReadonlyMap<string, ReadonlySet<string>>;

/** As many as there is room for: first those of CIDRs that few others are of, since it is others that make it scarce. */
export function placeMany(
  blocks: readonly IpBlock[],
  limit: number = room.heldBlocks,
): { held: HeldBlocks; leftOut: number } {
  const whole = blocksByPrefix(blocks, limit);
  if (whole) return { held: whole, leftOut: 0 };
  const alike = Map.groupBy(blocks, ({ cidr }) => formatCidr(cidr));
  const rareFirst = [...alike.values()].sort((a, b) => a.length - b.length).flat();
  for (let count = blocks.length >> 1; count > 0; count >>= 1) {
    const held = blocksByPrefix(rareFirst.slice(0, count), limit);
    if (held) return { held, leftOut: blocks.length - count };
  }
  return { held: new Map(), leftOut: blocks.length };
}

/** For each prefix that blocks name the texts of those that hold the whole of it; undefined where these are too many. */
function blocksByPrefix(
  blocks: readonly IpBlock[],
  limit = Number.POSITIVE_INFINITY,
): HeldBlocks | undefined {
  let count = 0;
  const found = new Map<string, ReadonlySet<string>>();
  const around: { cidr: Cidr; held: ReadonlySet<string> }[] = [];
  for (const [text, { cidr, begins, ends }] of sortedPrefixes(blocks)) {
    while (around.length > 0 && !cidrHolds(around.at(-1)!.cidr, cidr)) around.pop();
    const held = new Set([...(around.at(-1)?.held ?? []), ...begins]);
    for (const block of ends) held.delete(block);
    count += held.size;
    if (count > limit) return undefined;
    around.push({ cidr, held });
    found.set(text, held);
  }
  return found;
}

/** A prefix comes before those inside it. */
function sortedPrefixes(blocks: readonly IpBlock[]): [string, Prefix][] {
  const prefixes = new Map<string, Prefix>();
  const at = (cidr: Cidr): Prefix => {
    const text = formatCidr(cidr);
    const prefix = prefixes.get(text) ?? { cidr, begins: [], ends: [] };
    prefixes.set(text, prefix);
    return prefix;
  };
  for (const { text, cidr, excepts } of blocks) {
    at(cidr).begins.push(text);
    for (const except of excepts) at(except).ends.push(text);
    if (holdsMapped(cidr)) at(ipv4);
  }
  return [...prefixes].sort(
    ([, a], [, b]) => compareIp(a.cidr.ip, b.cidr.ip) || a.cidr.prefix - b.cidr.prefix,
  );
}

/**
 * `::/0` holds no IPv4 address; but where those are looked up as v4-mapped ones, in one table with the others, it would
 * seem to: IPv4 then is a prefix of its own.
 */
function holdsMapped({ ip, prefix }: Cidr): boolean {
  const mapped = { family: 6, bytes: mappedBytes(ipv4.ip) } as const;
  return ip.family === 6 && compareIp(cidrOf(mapped, prefix).ip, ip) === 0;
}
