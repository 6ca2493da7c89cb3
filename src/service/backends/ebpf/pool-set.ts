/** The pools of one port, each planned once however many frontends share it. */
import type { Family } from '../../../net/ip.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import type { Scope, ServicePortState } from '../../model/service-state.ts';
import type { Draft, Member, PlannedPool } from './draft.ts';

/** `held`: backends that no frontend leads to. */
type PoolScope = Scope | 'held';

export class PoolSet {
  readonly #draft: Draft;
  readonly #port: ServicePortState;
  readonly #serviceId: number;
  readonly #planned = new Map<string, PlannedPool>();

  constructor(draft: Draft, port: ServicePortState, serviceId: number) {
    this.#draft = draft;
    this.#port = port;
    this.#serviceId = serviceId;
  }

  /** `found` is the pool that the kernel's frontend names: taken over where the name has no pool yet. */
  get(family: Family, scope: PoolScope, found: number | undefined): PlannedPool {
    const name = `${this.#port.name}/${family}/${scope}`;
    const planned =
      this.#planned.get(name) ??
      this.#draft.planPool(name, this.#members(family, scope), {
        found,
        maglev: this.#port.maglev && scope !== 'held',
      });
    this.#planned.set(name, planned);
    return planned;
  }

  /** Flows that held backends have stay theirs. */
  hold(): void {
    for (const family of [4, 6] as const)
      if (this.#port.endpoints[family].held.length > 0) this.get(family, 'held', undefined);
  }

  names(): string[] {
    return [...this.#planned.keys()];
  }

  #members(family: Family, scope: PoolScope): Member[] {
    const proto = protocolNumbers[this.#port.protocol];
    const serviceId = this.#serviceId;
    return this.#port.endpoints[family][scope].map(({ ip, port, local, onNode, terminating }) => {
      return { ip, port, local, onNode, terminating, proto, serviceId };
    });
  }
}
