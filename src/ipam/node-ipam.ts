/**
 * A node's own addresses: one per family and attachment, out of the node's pod CIDRs, written to disk before
 * anyone uses them. What the disk holds is what counts: a new agent reads it back and goes on.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Cidr, formatCidr } from '../net/cidr.ts';
import { formatIp, type Ip, parseIp } from '../net/ip.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { TendrilError } from '../util/errors.ts';
import { AddressPool, type PoolUsage } from './address-pool.ts';
import { Journal, type JournalFile } from './journal.ts';

/** Names an attachment: CNI's own key. */
export interface AttachmentKey {
  containerId: string;
  ifName: string;
}

export interface Allocation extends AttachmentKey {
  /** One per family, IPv4 first. */
  ips: Ip[];
  /** False until the attachment is complete: what a killed agent leaves half made. */
  confirmed: boolean;
  /** Whatever the owner wants to find again, such as the pod's name. */
  note: Record<string, string>;
}

export interface NodeIpamOptions {
  path: string;
  clock?: Clock;
  /** How long a freed address is kept back, ms. */
  restMs?: number;
  /** Of an address that is free here: whether somebody else has it. Nobody unless given. */
  isTaken?: (ip: Ip) => boolean;
  openFile?: (path: string) => Promise<JournalFile>;
}

type JournalRecord =
  | ({ op: 'add'; ips: string[]; note: Record<string, string> } & AttachmentKey)
  | ({ op: 'confirm' } & AttachmentKey)
  | ({ op: 'release'; ips: string[]; at: number } & AttachmentKey);

const defaultRestMs = 30_000;
/** Beyond this many records that no longer matter the journal is written anew. */
const rewriteSlack = 1000;

export class NodeIpam {
  readonly #clock: Clock;
  readonly #restMs: number;
  readonly #journal: Journal;
  readonly #allocations = new Map<string, Allocation>();
  readonly #releases: { ip: Ip; at: number }[] = [];
  readonly #isTaken: (ip: Ip) => boolean;
  #pools: AddressPool[] = [];

  private constructor(
    journal: Journal,
    options: { clock: Clock; restMs: number; isTaken: (ip: Ip) => boolean },
  ) {
    this.#journal = journal;
    this.#isTaken = options.isTaken;
    this.#clock = options.clock;
    this.#restMs = options.restMs;
  }

  /** @throws TendrilError IPAM_STORE */
  static async open(options: NodeIpamOptions): Promise<NodeIpam> {
    const { path, clock = systemClock, restMs = defaultRestMs, isTaken = () => false, openFile } = options;
    const opened = await Journal.open({ path, openFile });
    const ipam = new NodeIpam(opened.journal, { clock, restMs, isTaken });
    ipam.#replay(opened.records as JournalRecord[]);
    await ipam.#trimJournal();
    return ipam;
  }

  /**
   * Sets the blocks that new addresses come from, one per family. Addresses handed out before keep their
   * owner, also outside the new blocks (a Node object that was made anew may have others).
   */
  setCidrs(cidrs: readonly Cidr[]): void {
    const ordered = [...cidrs].sort((a, b) => a.ip.family - b.ip.family);
    if (ordered.map(formatCidr).join() === this.#pools.map(({ cidr }) => formatCidr(cidr)).join()) return;
    this.#dropRested(this.#clock.now());
    this.#pools = ordered.map((cidr) => new AddressPool(cidr, { restMs: this.#restMs }));
    for (const { ip } of this.#releases) for (const pool of this.#pools) pool.restore(ip);
    for (const { ip, at } of this.#releases) for (const pool of this.#pools) pool.release(ip, at);
    for (const { ips } of this.#allocations.values()) this.#restore(ips);
  }

  /** True once there is a block to take addresses from. */
  get ready(): boolean {
    return this.#pools.length > 0;
  }

  get(key: AttachmentKey): Allocation | undefined {
    return this.#allocations.get(keyText(key));
  }

  list(): Allocation[] {
    return [...this.#allocations.values()];
  }

  usage(): PoolUsage[] {
    return this.#pools.map((pool) => pool.usage(this.#clock.now()));
  }

  /**
   * Gives an attachment one address per family; the ones it has, when it has some. On disk when it resolves.
   * @throws TendrilError IPAM_EXHAUSTED, IPAM_STORE; nothing is taken then
   */
  async allocate(key: AttachmentKey, note: Record<string, string> = {}): Promise<Allocation> {
    const existing = this.get(key);
    if (existing !== undefined) return this.#keep(existing, note);
    const allocation: Allocation = { ...plainKey(key), ips: this.#take(), confirmed: false, note };
    this.#allocations.set(keyText(key), allocation);
    const ips = allocation.ips.map(formatIp);
    try {
      await this.#append({ op: 'add', ...plainKey(key), ips, note });
    } catch (error) {
      this.#allocations.delete(keyText(key));
      for (const ip of allocation.ips) for (const pool of this.#pools) pool.untake(ip);
      throw error;
    }
    return allocation;
  }

  /** True of an address that is of the blocks that new ones come from. */
  covers(ip: Ip): boolean {
    return this.#pools.some((pool) => pool.contains(ip));
  }

  /**
   * Takes over an attachment that another allocator made, complete, with its addresses; one that is known stays as it is.
   * @throws TendrilError IPAM_STORE
   */
  async adopt(
    key: AttachmentKey,
    adopted: { ips: readonly Ip[]; note: Record<string, string> },
  ): Promise<void> {
    if (this.get(key) !== undefined) return;
    const ips = [...adopted.ips].sort((a, b) => a.family - b.family);
    await this.#append({ op: 'add', ...plainKey(key), ips: ips.map(formatIp), note: adopted.note });
    await this.confirm(this.#adopted({ ...plainKey(key), ips, confirmed: false, note: adopted.note }));
  }

  #adopted(allocation: Allocation): Allocation {
    this.#allocations.set(keyText(allocation), allocation);
    this.#restore(allocation.ips);
    return allocation;
  }

  /** New addresses come from far behind those so far. */
  skipAhead(): void {
    for (const pool of this.#pools) pool.skipAhead();
  }

  /** An attachment that is made anew, with another note, is not complete until it is confirmed again. */
  async #keep(existing: Allocation, note: Record<string, string>): Promise<Allocation> {
    if (isDeepStrictEqual(existing.note, note)) return existing;
    const { ips } = existing;
    await this.#append({ op: 'add', ...plainKey(existing), ips: ips.map(formatIp), note });
    const renewed = { ...existing, note, confirmed: false };
    this.#allocations.set(keyText(existing), renewed);
    return renewed;
  }

  /**
   * Notes that the attachment is complete. Not synced: after a power cut the pod's devices are gone as well,
   * and an attachment that was never confirmed is what must be cleaned up then.
   */
  async confirm(key: AttachmentKey): Promise<void> {
    const allocation = this.get(key);
    if (allocation === undefined || allocation.confirmed) return;
    await this.#append({ op: 'confirm', ...plainKey(key) }, { sync: false });
    allocation.confirmed = true;
  }

  /** Idempotent; the addresses rest before they are handed out again. @throws TendrilError IPAM_STORE */
  async release(key: AttachmentKey): Promise<void> {
    const allocation = this.get(key);
    if (allocation === undefined) return;
    const at = this.#clock.now();
    const ips = allocation.ips.map(formatIp);
    await this.#append({ op: 'release', ...plainKey(key), ips, at });
    this.#forget(allocation, at);
    await this.#trimJournal();
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  #take(): Ip[] {
    if (this.#pools.length === 0) {
      throw new TendrilError('IPAM_EXHAUSTED', 'the node has no pod CIDR yet', {
        remedy: 'wait until the controller manager has given the node one (Node.spec.podCIDRs)',
      });
    }
    const taken: Ip[] = [];
    try {
      for (const pool of this.#pools) taken.push(pool.take(this.#clock.now(), this.#isTaken));
    } catch (error) {
      taken.forEach((ip, i) => void this.#pools[i]!.untake(ip));
      throw error;
    }
    return taken;
  }

  /** The two records of an attachment, or a release, are all that matters of it. */
  async #trimJournal(): Promise<void> {
    const needed = 2 * this.#allocations.size + this.#releases.length;
    if (this.#journal.records > needed + rewriteSlack) await this.#journal.rewrite(() => this.#snapshot());
  }

  #append(record: JournalRecord, options?: { sync: boolean }): Promise<void> {
    return this.#journal.append(record, options);
  }

  #restore(ips: readonly Ip[]): void {
    for (const ip of ips) for (const pool of this.#pools) pool.restore(ip);
  }

  #forget(allocation: Allocation, at: number): void {
    if (!this.#allocations.delete(keyText(allocation))) return;
    for (const ip of allocation.ips) {
      for (const pool of this.#pools) pool.release(ip, at);
      this.#releases.push({ ip, at });
    }
    this.#dropRested(at);
  }

  #dropRested(now: number): void {
    while (this.#releases[0] !== undefined && now - this.#releases[0].at > this.#restMs) {
      this.#releases.shift();
    }
  }

  #replay(records: readonly JournalRecord[]): void {
    for (const record of records) {
      const key = plainKey(record);
      if (record.op === 'add') {
        const { ips, note } = record;
        this.#allocations.set(keyText(key), { ...key, ips: ips.map(parseIp), confirmed: false, note });
      } else if (record.op === 'confirm') {
        const allocation = this.get(key);
        if (allocation !== undefined) allocation.confirmed = true;
      } else {
        this.#forgetReplayed(record);
      }
    }
  }

  /** A rewritten journal keeps releases whose address still rests, without the addition before them. */
  #forgetReplayed(record: JournalRecord & { op: 'release' }): void {
    this.#allocations.delete(keyText(record));
    if (this.#clock.now() - record.at > this.#restMs) return;
    for (const ip of record.ips) this.#releases.push({ ip: parseIp(ip), at: record.at });
  }

  #snapshot(): JournalRecord[] {
    const releases = this.#releases.map(
      ({ ip, at }): JournalRecord => ({
        op: 'release',
        containerId: '',
        ifName: '',
        ips: [formatIp(ip)],
        at,
      }),
    );
    return [...releases, ...this.list().flatMap(recordsOf)];
  }
}

function recordsOf(allocation: Allocation): JournalRecord[] {
  const key = plainKey(allocation);
  const { ips, note, confirmed } = allocation;
  const add: JournalRecord = { op: 'add', ...key, ips: ips.map(formatIp), note };
  return confirmed ? [add, { op: 'confirm', ...key }] : [add];
}

function plainKey({ containerId, ifName }: AttachmentKey): AttachmentKey {
  return { containerId, ifName };
}

function keyText({ containerId, ifName }: AttachmentKey): string {
  return `${containerId}/${ifName}`;
}
