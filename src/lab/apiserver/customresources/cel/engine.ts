/** The engine of rules, loaded with the first definition: time at the start of every lab that most never need. */
import type { RuleNode } from './rules.ts';

export type RuleEngine = typeof import('./rules.ts');
export type { RuleNode };

let engine: RuleEngine | undefined;

export async function loadRuleEngine(): Promise<void> {
  engine ??= await import('./rules.ts');
}

export function loadedRuleEngine(): RuleEngine | undefined {
  return engine;
}

/** It has to be loaded: requests see to that before definitions are written. */
export function ruleEngine(): RuleEngine {
  if (engine === undefined) throw new Error('the engine of rules is not loaded');
  return engine;
}
