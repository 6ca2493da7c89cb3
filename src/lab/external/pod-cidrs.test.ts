import { expect, test } from 'vitest';
import { podCidrProblem } from './pod-cidrs.ts';

const dual = ['10.244.0.0/16', 'fd00:10:244::/56'];
const node = (podCIDRs?: string[]) => ({ metadata: { name: 'node-1' }, spec: { podCIDRs } }) as never;

test.each([
  ['none yet', undefined],
  ['one in each', ['10.244.3.0/24', 'fd00:10:244:3::/64']],
  ['in the other order', ['fd00:10:244:3::/64', '10.244.3.0/24']],
  ['of another length', ['10.244.3.0/26', 'fd00:10:244:3::/72']],
])('fits: %s', (_, given) => {
  expect(podCidrProblem(node(given), dual)).toBeUndefined();
});

test.each([
  ['elsewhere', ['10.1.3.0/24', 'fd00:10:244:3::/64']],
  ['of one family alone', ['10.244.3.0/24']],
  ['all of the address space', ['10.0.0.0/8', 'fd00:10:244:3::/64']],
  ['not to be read', ['10.244.3.0/24', 'nothing']],
])('does not fit: %s', (_, given) => {
  expect(podCidrProblem(node(given), dual)).toBe(
    `the cluster gives node-1 the pod CIDRs ${given.join(',')}, and the lab's are 10.244.0.0/16,fd00:10:244::/56`,
  );
});
