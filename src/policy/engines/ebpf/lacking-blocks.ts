/** What may be allowed while some blocks found no room: where one lacks, the block around it is looked up instead. */
import { cidrOf, formatCidr, parseCidr } from '../../../net/cidr.ts';
import { mappedBytes } from '../../../net/ip.ts';
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

/** In one table of v4-mapped addresses, as the kernel's. */
function blockAround(block: string, written: Written): PolicyNumber | undefined {
  const { ip, prefix } = parseCidr(block);
  const mapped = { family: 6, bytes: mappedBytes(ip) } as const;
  const first = ip.family === 4 ? 96 : 0;
  for (let length = first + prefix - 1; length >= 0; length--) {
    const cidr = length >= first ? cidrOf(ip, length - first) : cidrOf(mapped, length);
    const number = written(formatCidr(cidr));
    if (number !== undefined) return number;
  }
  return undefined;
}
