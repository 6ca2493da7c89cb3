/**
 * Blocks of the policies in use. A lookup finds the longest prefix that holds an address; so each prefix that a block
 * names, or excepts, stands for the set of all blocks that hold all of it, and a rule names each set that its block is in.
 */
import { deepEqual } from '../../kube/deep-equal.ts';
import { type Cidr, cidrOf, formatCidr } from '../../net/cidr.ts';
import { compareIp, mappedBytes, parseIp } from '../../net/ip.ts';
import type { PolicyNumber } from '../policy-state.ts';
import { PeerGrant, type Scope } from './grant.ts';
import { numberOf } from './identity.ts';
import { contains, type IpBlock } from './ip-block.ts';
import type { PortBlock } from './port-range.ts';

/** Ports of one block, for one subject. */
export class BlockGrant {
  readonly block: IpBlock;
  readonly #scope: Scope;
  readonly #ports: readonly PortBlock[];
  #issued: readonly PolicyNumber[] = [];

  constructor(scope: Scope, block: IpBlock, ports: readonly PortBlock[]) {
    this.block = block;
    this.#scope = scope;
    this.#ports = ports;
  }

  has(ports: readonly PortBlock[]): boolean {
    return deepEqual(this.#ports, ports);
  }

  /** Names the sets that the block is in now, and no others. */
  issue(sets: readonly PolicyNumber[]): void {
    if (sets.join() === this.#issued.join()) return;
    for (const set of sets) new PeerGrant(this.#scope, set, this.#ports).issue();
    for (const set of this.#issued) new PeerGrant(this.#scope, set, this.#ports).revoke();
    this.#issued = sets;
  }
}

const ipv4: Cidr = { ip: parseIp('0.0.0.0'), prefix: 0 };

export class BlockTable {
  readonly #grants = new Map<string, Set<BlockGrant>>();
  /** By block, the sets that it is in. */
  #sets = new Map<string, PolicyNumber[]>();
  #prefixes: ReadonlyMap<string, PolicyNumber> = new Map();
  readonly #fresh = new Set<BlockGrant>();
  #changed = false;

  /** In force with the next `update`. */
  add(grant: BlockGrant): void {
    const grants = this.#grants.get(grant.block.text);
    this.#fresh.add(grant);
    if (grants) grants.add(grant);
    else {
      this.#grants.set(grant.block.text, new Set([grant]));
      this.#changed = true;
    }
  }

  remove(grant: BlockGrant): void {
    const grants = this.#grants.get(grant.block.text)!;
    grant.issue([]);
    grants.delete(grant);
    this.#fresh.delete(grant);
    if (grants.size > 0) return;
    this.#grants.delete(grant.block.text);
    this.#changed = true;
  }

  /** Numbers by prefix; another map when they have changed. */
  update(): ReadonlyMap<string, PolicyNumber> {
    if (this.#changed) this.#renumber();
    const issue = this.#changed ? [...this.#grants.values()].flatMap((grants) => [...grants]) : this.#fresh;
    for (const grant of issue) grant.issue(this.#sets.get(grant.block.text) ?? []);
    this.#fresh.clear();
    this.#changed = false;
    return this.#prefixes;
  }

  #renumber(): void {
    const blocks = [...this.#grants.values()].map((grants) => [...grants][0]!.block);
    const prefixes = new Map<string, PolicyNumber>();
    const sets = new Map<string, Set<PolicyNumber>>(blocks.map(({ text }) => [text, new Set()]));
    for (const [prefix, held] of blocksByPrefix(blocks)) {
      const number = numberOf(JSON.stringify(['blocks', ...[...held].sort()]));
      prefixes.set(prefix, number);
      for (const text of held) sets.get(text)!.add(number);
    }
    this.#prefixes = prefixes;
    this.#sets = new Map([...sets].map(([text, numbers]) => [text, [...numbers]]));
  }
}

interface Prefix {
  cidr: Cidr;
  /** Texts of blocks that begin and end here. */
  begins: string[];
  ends: string[];
}

/** For each prefix that blocks name the texts of those that hold the whole of it. */
export function blocksByPrefix(blocks: readonly IpBlock[]): Map<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  const around: { cidr: Cidr; held: ReadonlySet<string> }[] = [];
  for (const [text, { cidr, begins, ends }] of sortedPrefixes(blocks)) {
    while (around.length > 0 && !contains(around.at(-1)!.cidr, cidr)) around.pop();
    const held = new Set([...(around.at(-1)?.held ?? []), ...begins]);
    for (const block of ends) held.delete(block);
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
