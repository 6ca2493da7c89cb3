/**
 * Ports by name towards blocks: a name means something only at a pod. So what is granted are the ports of that name at
 * each pod whose address is in the block, as blocks of one address.
 */
import { BlockGrant, type BlockTable } from './block-table.ts';
import type { PortName } from './compiled-policy.ts';
import { namedBlocks, type Scope } from './grant.ts';
import { addressBlock, blockHolds, type IpBlock } from './ip-block.ts';
import { ipsOf, type PodIndex } from './pod-index.ts';

export interface NamedBlockGrant {
  scope: Scope;
  block: IpBlock;
  names: readonly PortName[];
  /** By address. */
  issued: Map<string, BlockGrant>;
}

export class NamedBlocks {
  readonly #index: PodIndex;
  readonly #blocks: BlockTable;
  readonly #grants = new Set<NamedBlockGrant>();

  constructor(index: PodIndex, blocks: BlockTable) {
    this.#index = index;
    this.#blocks = blocks;
  }

  add({ scope, block, names }: Omit<NamedBlockGrant, 'issued'>): NamedBlockGrant {
    const grant = { scope, block, names, issued: new Map() };
    this.#grants.add(grant);
    this.#index.notesAll = true;
    for (const identity of this.#index.identities()) {
      if (namedBlocks(identity, names).length === 0) continue;
      for (const entry of identity.members) for (const ip of ipsOf(entry)) this.#look(grant, ip);
    }
    return grant;
  }

  remove(grant: NamedBlockGrant): void {
    this.#grants.delete(grant);
    this.#index.notesAll = this.#grants.size > 0;
    for (const issued of grant.issued.values()) this.#blocks.remove(issued);
  }

  /** Another pod may have the address. */
  addressChanged(address: string): void {
    for (const grant of this.#grants) this.#look(grant, address);
  }

  #look({ scope, block, names, issued }: NamedBlockGrant, address: string): void {
    const before = issued.get(address);
    const owner = this.#index.ownerOf(address);
    const ports = owner ? namedBlocks(owner.identity, names) : [];
    const wanted = ports.length > 0 && blockHolds(block, address) ? ports : [];
    if (before ? before.has(wanted) : wanted.length === 0) return;
    if (before) this.#blocks.remove(before);
    issued.delete(address);
    if (wanted.length === 0) return;
    const now = new BlockGrant(scope, addressBlock(address), ports);
    this.#blocks.add(now);
    issued.set(address, now);
  }
}
