/** Which listeners a configuration needs, and which of its blocks each serves. */

import type { ServerKey, TransportName } from '../corefile/directive.ts';
import { formatKey } from '../corefile/keys.ts';
import { corefileError } from '../corefile/options.ts';
import type { TlsSettings } from '../plugin.ts';
import type { RunningBlock } from './block.ts';
import type { Route } from './router.ts';

export interface ListenerPlan {
  /** `dns://:53`, `tls://[::1]:853`: metrics call it `server`. */
  label: string;
  transport: TransportName;
  /** Absent: every address. */
  address?: string;
  port: number;
  tls?: TlsSettings;
  routes: Route[];
}

/** @throws COREFILE where two blocks claim the same zone of the same listener */
export function planListeners(blocks: readonly RunningBlock[]): ListenerPlan[] {
  const plans = new Map<string, ListenerPlan>();
  const claims = new Claims();
  for (const block of blocks) {
    for (const key of block.keys) {
      for (const address of addressesOf(block)) {
        claims.claim(key, address, block);
        const plan = planFor(plans, key, address);
        if (key.transport !== 'dns') plan.tls ??= block.settings.tls;
        plan.routes.push({ zone: key.zone, block });
      }
    }
  }
  return [...plans.values()];
}

function addressesOf({ settings }: RunningBlock): readonly (string | undefined)[] {
  return settings.addresses ?? [undefined];
}

function planFor(plans: Map<string, ListenerPlan>, key: ServerKey, address?: string): ListenerPlan {
  const { transport, port } = key;
  const host = address?.includes(':') ? `[${address}]` : (address ?? '');
  const label = `${transport}://${host}:${port}`;
  let plan = plans.get(label);
  if (plan === undefined) {
    plan = { label, transport, address, port, routes: [] };
    plans.set(label, plan);
  }
  return plan;
}

/**
 * Who serves which zone where. A listener on every address overlaps all others of its zone and port; blocks with
 * a view may share a zone with one without.
 */
class Claims {
  readonly #claimed = new Set<string>();
  /** Of each key on every address: one of the claims that it stands for. */
  readonly #anywhere = new Map<string, string>();

  claim(key: ServerKey, address: string | undefined, block: RunningBlock): void {
    const claim = formatKey(key, address);
    const anywhere = formatKey(key);
    const filtered = block.settings.view !== undefined;
    if (this.#claimed.has(claim)) {
      if (filtered) return;
      throw corefileError(
        block.at,
        `cannot serve ${claim} - it is already defined`,
        'Each zone of a port stands in one server block.',
      );
    }
    const other =
      address === undefined
        ? this.#anywhere.get(anywhere)
        : this.#claimed.has(anywhere)
          ? anywhere
          : undefined;
    if (other !== undefined)
      throw corefileError(
        block.at,
        `cannot serve ${claim} - zone overlap listener capacity with ${other}`,
        'Give both server blocks a bind, or neither.',
      );
    if (filtered) return;
    this.#claimed.add(claim);
    this.#anywhere.set(anywhere, claim);
  }
}
