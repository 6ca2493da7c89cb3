/** Rules, each as long as anything grants it. */

import { type PolicyRule, ruleKey } from '../policy-state.ts';
import { NotedKeys } from './noted-keys.ts';

interface CountedRule extends PolicyRule {
  grants: number;
}

export class RuleTable {
  readonly changed = new NotedKeys();
  readonly #rules = new Map<string, CountedRule>();

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
    this.changed.add(key);
  }
}
