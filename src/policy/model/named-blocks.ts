/**
 * Ports by name towards blocks: a name means something only at a pod. So what is granted are the ports of that name at
 * those addresses in the block that are pods', for all that have the same ports under one text: there may be very many.
 */
import { BlockGrant, type BlockTable } from './block-table.ts';
import type { PortName } from './compiled-policy.ts';
import { namedPortBlocks, type Scope } from './grant.ts';
import { blockHolds, type IpBlock } from './ip-block.ts';
import { ipsOf, type PodIndex } from './pod-index.ts';
import type { PortBlock } from './port-range.ts';
import { inSteps } from './steps.ts';

export interface NamedBlockGrant {
  scope: Scope;
  block: IpBlock;
  names: readonly PortName[];
}

/** What some grants have in common: these names in this block. */
interface Watch {
  text: string;
  block: IpBlock;
  names: readonly PortName[];
  grants: Map<NamedBlockGrant, Map<string, BlockGrant>>;
  /** The text of its ports by address. */
  members: Map<string, string>;
  ports: Map<string, { ports: readonly PortBlock[]; members: number }>;
}

export class NamedBlocks {
  readonly #index: PodIndex;
  readonly #blocks: BlockTable;
  readonly #watches = new Map<string, Watch>();

  constructor(index: PodIndex, blocks: BlockTable) {
    this.#index = index;
    this.#blocks = blocks;
  }

  /** In short steps. */
  *add(grant: NamedBlockGrant): Generator<void> {
    const text = watchText(grant);
    let watch = this.#watches.get(text);
    if (watch === undefined) {
      const { block, names } = grant;
      watch = { text, block, names, grants: new Map(), members: new Map(), ports: new Map() };
      this.#watches.set(text, watch);
      this.#index.notesAll = true;
      yield* this.#fill(watch);
    }
    watch.grants.set(grant, new Map());
    for (const [text, { ports }] of watch.ports) this.#issue(watch, grant, { text, ports });
  }

  remove(grant: NamedBlockGrant): void {
    const watch = this.#watches.get(watchText(grant))!;
    for (const issued of watch.grants.get(grant)!.values()) this.#blocks.remove(issued);
    watch.grants.delete(grant);
    if (watch.grants.size > 0) return;
    for (const [address, ports] of watch.members) this.#blocks.name(address, `${watch.text} ${ports}`, false);
    this.#watches.delete(watch.text);
    this.#index.notesAll = this.#watches.size > 0;
  }

  /** Another pod may have the address. */
  addressChanged(address: string): void {
    for (const watch of this.#watches.values()) this.#look(watch, address);
  }

  *#fill(watch: Watch): Generator<void> {
    for (const identity of this.#index.identities()) {
      if (namedPortBlocks(identity, watch.names).length === 0) continue;
      for (const entry of inSteps(identity.members)) {
        if (entry) for (const ip of ipsOf(entry)) this.#look(watch, ip);
        else yield;
      }
      yield;
    }
  }

  #look(watch: Watch, address: string): void {
    const { block, names, members } = watch;
    const owner = this.#index.ownerOf(address);
    const named = owner ? namedPortBlocks(owner.identity, names) : [];
    const ports = named.length > 0 && blockHolds(block, address) ? named : [];
    const text = ports.map(({ protocol, port }) => `${protocol}/${port}`).join();
    const before = members.get(address) ?? '';
    if (text === before) return;
    if (text !== '') this.#join(watch, address, { text, ports });
    else members.delete(address);
    if (before !== '') this.#leave(watch, address, before);
  }

  #join(watch: Watch, address: string, { text, ports }: { text: string; ports: readonly PortBlock[] }): void {
    watch.members.set(address, text);
    this.#blocks.name(address, `${watch.text} ${text}`, true);
    const known = watch.ports.get(text);
    if (known) known.members++;
    else {
      watch.ports.set(text, { ports, members: 1 });
      for (const grant of watch.grants.keys()) this.#issue(watch, grant, { text, ports });
    }
  }

  #leave(watch: Watch, address: string, text: string): void {
    this.#blocks.name(address, `${watch.text} ${text}`, false);
    const known = watch.ports.get(text)!;
    if (--known.members > 0) return;
    watch.ports.delete(text);
    for (const issued of watch.grants.values()) {
      this.#blocks.remove(issued.get(text)!);
      issued.delete(text);
    }
  }

  #issue(
    watch: Watch,
    grant: NamedBlockGrant,
    { text, ports }: { text: string; ports: readonly PortBlock[] },
  ): void {
    const issued = new BlockGrant(grant.scope, `${watch.text} ${text}`, ports);
    this.#blocks.add(issued);
    watch.grants.get(grant)!.set(text, issued);
  }
}

/** Equal for grants of the same names in the same block. */
function watchText({ block, names }: NamedBlockGrant): string {
  return JSON.stringify([block.text, ...names.map(({ name, protocol }) => `${name}/${protocol}`)]);
}
