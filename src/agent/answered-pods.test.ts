import { expect, test } from 'vitest';
import { formatIp, parseIp } from '../net/ip.ts';
import { AnsweredPods } from './answered-pods.ts';

const pod = ['10.0.0.9', 'fd00::9'].map((text) => parseIp(text));

function begin(servers: readonly string[] | undefined) {
  const told: string[] = [];
  const refused = new Set<string>();
  const known = { servers, isKnown: true };
  const pods = new AnsweredPods({
    servers: () => known.servers?.map((text) => ({ ip: parseIp(text), port: 53 })),
    isLetTo: (_, { ip }) => (known.isKnown ? !refused.has(formatIp(ip)) : undefined),
    attach: (ifindex) => told.push(`attach ${ifindex}`),
    detach: (ifindex) => told.push(`detach ${ifindex}`),
  });
  return { pods, told, refused, known };
}

test('a pod that may ask is answered, and is told to its interface once', () => {
  const { pods, told } = begin(['10.0.0.2', 'fd00::2']);
  pods.add(7, pod);
  pods.refresh();
  expect(told).toEqual(['attach 7']);
});

test('one server of either family that it may not ask is enough to leave it alone', () => {
  const { pods, told, refused } = begin(['10.0.0.2', 'fd00::2']);
  refused.add('fd00::2');
  pods.add(7, pod);
  expect(told).toEqual(['detach 7']);
  refused.clear();
  pods.refresh();
  expect(told).toEqual(['detach 7', 'attach 7']);
});

test('while servers or policies are not known it stays as it is', () => {
  const { pods, told, known } = begin(undefined);
  pods.add(7, pod);
  known.servers = ['10.0.0.2'];
  known.isKnown = false;
  pods.refresh();
  expect(told).toEqual([]);
  known.isKnown = true;
  pods.refresh();
  expect(told).toEqual(['attach 7']);
});

test('where a pod of the same interface came later it is judged anew; who is gone is not', () => {
  const { pods, told, refused } = begin(['10.0.0.2']);
  pods.add(7, pod);
  pods.add(8, pod);
  pods.remove(7);
  pods.retain(new Set([8]));
  refused.add('10.0.0.2');
  pods.refresh();
  pods.add(7, pod);
  expect(told).toEqual(['attach 7', 'attach 8', 'detach 8', 'detach 7']);
});
