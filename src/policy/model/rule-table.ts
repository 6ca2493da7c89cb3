/** Rules, each as long as anything grants it. */

import { type PolicyRule, ruleKey } from '../policy-state.ts';
import { NotedKeys } from './noted-keys.ts';
import { room } from './room.ts';

interface CountedRule extends PolicyRule {
  grants: number;
}

export class RuleTable {
  readonly changed = new NotedKeys();
  readonly #limit: number;
  #refused = false;
  readonly #rules = new Map<string, CountedRule>();

  constructor(limit: number = room.rules) {
    this.#limit = limit;
  }

  /** Why some are not there; until the table has become empty nobody knows whether they would find room by now. */
  get problem(): string | undefined {
    return this.#refused ? `more rules than ${this.#limit}: the others allow nothing` : undefined;
  }

  get rules(): ReadonlyMap<string, PolicyRule> {
    return this.#rules;
  }

  add(rule: PolicyRule): void {
    const key = ruleKey(rule);
    const known = this.#rules.get(key);
    if (known) {
      known.grants++;
      return;
    }
    if (this.#rules.size >= this.#limit) {
      this.#refused = true;
      return;
    }
    // There may be hundreds of thousands: a spread costs several times as much.
    const { subject, direction, peer, protocol, port, portBits } = rule;
    this.changed.add(key);
    this.#rules.set(key, { subject, direction, peer, protocol, port, portBits, grants: 1 });
  }

  remove(rule: PolicyRule): void {
    const key = ruleKey(rule);
    const known = this.#rules.get(key);
    if (known === undefined || --known.grants > 0) return;
    this.#rules.delete(key);
    if (this.#rules.size === 0) this.#refused = false;
    this.changed.add(key);
  }
}
