/** A pod of this node, and all that are like it: the policies that select it, and what each of them grants. */
import type { NetworkPolicy } from '../../kube/types.ts';
import type { Direction } from '../policy-state.ts';
import { BlockGrant, type BlockTable } from './block-table.ts';
import {
  allPods,
  type CompiledPolicy,
  type CompiledRule,
  compilePolicy,
  type PodSelection,
} from './compiled-policy.ts';
import { type GrantedPorts, namedPortBlocks, PeerGrant, PodGrant, type Scope } from './grant.ts';
import type { Identity } from './identity.ts';
import type { IpBlock } from './ip-block.ts';
import type { NamedBlocks } from './named-blocks.ts';
import type { RuleTable } from './rule-table.ts';
import type { Selections } from './selections.ts';

/** Where grants are kept in force. */
export interface Register {
  rules: RuleTable;
  selections: Selections;
  blocks: BlockTable;
  namedBlocks: NamedBlocks;
}

type Revoke = () => Iterable<void>;

interface Applied {
  policy: CompiledPolicy;
  revokes: Revoke[];
}

export class Subject {
  readonly identity: Identity;
  readonly #register: Register;
  readonly #applied = new Map<string, Applied>();

  constructor(identity: Identity, register: Register) {
    this.identity = identity;
    this.#register = register;
  }

  isIsolated(direction: Direction): boolean {
    return this.#applied.values().some(({ policy }) => policy[direction] !== undefined);
  }

  /** What of its policies is too much. */
  get problem(): string | undefined {
    return this.#applied.values().find(({ policy }) => policy.problem !== undefined)?.policy.problem;
  }

  /** What `namespace/name` is now: undefined once it is gone. In steps, none of which is long. */
  *consider(key: string, object: NetworkPolicy | undefined): Generator<void> {
    const policy = object && compilePolicy(object);
    const before = this.#applied.get(key);
    if (before && before.policy === policy) return;
    const after: Applied | undefined = policy?.selects(this.identity.labels)
      ? { policy, revokes: [] }
      : undefined;
    if (after) {
      yield* this.#grant(after, 'ingress');
      yield* this.#grant(after, 'egress');
    }
    // What both grant was there all the time.
    for (const revoke of before?.revokes ?? []) {
      yield* revoke();
      yield;
    }
    if (after) this.#applied.set(key, after);
    else this.#applied.delete(key);
  }

  *drop(): Generator<void> {
    for (const key of [...this.#applied.keys()]) yield* this.consider(key, undefined);
  }

  *#grant({ policy, revokes }: Applied, direction: Direction): Generator<void> {
    const scope = { subject: this.identity.number, direction, rules: this.#register.rules };
    for (const rule of policy[direction] ?? []) {
      const granted = this.#portsOf(rule, direction);
      if (rule.peers === undefined) yield* this.#grantAnyone(scope, granted, revokes);
      for (const peer of rule.peers ?? []) {
        if ('pods' in peer) yield* this.#grantPods(scope, peer.pods, granted, revokes);
        else yield* this.#grantBlock(scope, peer.block, granted, revokes);
        yield;
      }
    }
  }

  /** Names are of the receiver's ports: of what it receives the subject knows them itself. */
  #portsOf({ ports, names }: CompiledRule, direction: Direction): GrantedPorts {
    if (direction === 'egress') return { ports, names };
    return { ports: [...ports, ...namedPortBlocks(this.identity, names)], names: [] };
  }

  *#grantAnyone(scope: Scope, { ports, names }: GrantedPorts, revokes: Revoke[]): Generator<void> {
    const grant = PeerGrant.toAnyone(scope, ports);
    revokes.push(atOnce(() => grant.revoke()));
    // A name means something at pods only.
    yield* this.#grantPods(scope, allPods, { ports: [], names }, revokes);
  }

  *#grantBlock(
    scope: Scope,
    block: IpBlock,
    { ports, names }: GrantedPorts,
    revokes: Revoke[],
  ): Generator<void> {
    const { blocks, namedBlocks } = this.#register;
    if (ports.length > 0) {
      const grant = new BlockGrant(scope, block.text, ports);
      blocks.add(grant, block);
      revokes.push(atOnce(() => blocks.remove(grant)));
    }
    if (names.length > 0) {
      const grant = { scope, block, names };
      revokes.push(atOnce(() => namedBlocks.remove(grant)));
      yield* namedBlocks.add(grant);
    }
  }

  *#grantPods(scope: Scope, pods: PodSelection, granted: GrantedPorts, revokes: Revoke[]): Generator<void> {
    if (granted.ports.length === 0 && granted.names.length === 0) return;
    const { selections } = this.#register;
    const grant = new PodGrant(scope, granted);
    revokes.push(() => selections.remove(pods, grant));
    yield* selections.add(pods, grant);
  }
}

/** What is done at once has no steps. */
function atOnce(act: () => void): Revoke {
  return () => {
    act();
    return [];
  };
}
