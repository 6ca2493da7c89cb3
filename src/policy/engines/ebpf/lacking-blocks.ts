/** What may be allowed while some blocks found no room: where one lacks, the block around it is looked up instead. */
import { parseCidr } from '../../../net/cidr.ts';
import { blocksAround } from '../../blocks-around.ts';
import { type PolicyNumber, type PolicyState, ruleKey } from '../../policy-state.ts';

type Written = (block: string) => PolicyNumber | undefined;

/**
 * Rules without those by which a block would hold in a part of it that it does not hold (`except`), or not at these
 * ports. The same map where every block is there.
 */
export function rulesInForce(
  { blocks, rules }: Pick<PolicyState, 'blocks' | 'rules'>,
  written: Written,
): PolicyState['rules'] {
  const inside = new Map<PolicyNumber, Set<PolicyNumber>>();
  for (const [block, number] of blocks) {
    const instead = written(block) ?? blockAround(block, written);
    if (instead === undefined || instead === number) continue;
    inside.set(instead, (inside.get(instead) ?? new Set()).add(number));
  }
  if (inside.size === 0) return rules;
  const holds = (number: PolicyNumber) => [...(inside.get(number) ?? [])];
  return new Map(
    [...rules].filter(([, rule]) =>
      holds(rule.peer).every((number) => rules.has(ruleKey({ ...rule, peer: number }))),
    ),
  );
}

function blockAround(block: string, written: Written): PolicyNumber | undefined {
  const { ip, prefix } = parseCidr(block);
  for (const text of blocksAround(ip, prefix)) {
    const number = text === block ? undefined : written(text);
    if (number !== undefined) return number;
  }
  return undefined;
}
