import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dropReasons, renderDropReasons } from '../../../../scripts/drop-reasons.ts';
import { parseIp } from '../../../net/ip.ts';
import { DropLog, reasonName } from './drop-log.ts';
import { dropHook, dropReason, layouts } from './generated/layouts.ts';

const root = join(import.meta.dirname, '../../../..');
const header = readFileSync(join(root, 'bpf/shared/drop.h'), 'utf8');

function logOf(records: Uint8Array[]) {
  return new DropLog({
    drain: (each) => records.splice(0).map(each).length,
    close() {},
    [Symbol.dispose]() {},
  });
}

const event = (fields: { sport?: number; dport?: number } = {}) =>
  layouts.dropEvent.encode({
    time: process.hrtime.bigint(),
    tuple: { src: parseIp('10.244.1.2'), dst: parseIp('10.96.0.1'), sport: 0, dport: 0, proto: 6, ...fields },
    reason: dropReason.DROP_NO_ENDPOINTS,
    hook: dropHook.HOOK_POD_INGRESS,
    ifindex: 7,
    length: 74,
  });

it('tells a dropped packet in the words of the reference', () => {
  const log = logOf([event({ sport: 4000, dport: 80 }), event()]);
  log.poll();
  expect(log.recent()).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      reason: 'no endpoints',
      from: '10.244.1.2|4000',
      to: '10.96.0.1|80',
      protocol: 'TCP',
      hook: 'pod ingress',
      ifindex: 7,
      bytes: 74,
    },
    expect.objectContaining({ from: '10.244.1.2', to: '10.96.0.1' }),
  ]);
});

it('keeps the last 64', () => {
  const log = logOf(Array.from({ length: 100 }, (_, i) => event({ sport: i + 1 })));
  log.poll();
  expect([log.recent().length, log.recent().at(-1)!.from]).toEqual([64, '10.244.1.2|100']);
});

it('every reason has a meaning, and the reference is the header’s', () => {
  const named = Object.entries(dropReason).filter(
    ([name]) => name !== 'DROP_REASONS' && name !== 'DROP_NONE',
  );
  expect(dropReasons(header).map(({ name, number }) => [name, number])).toEqual(
    named.map(([, number]) => [reasonName(number), number]),
  );
  const reference = readFileSync(join(root, 'docs/reference/drop-reasons.md'), 'utf8');
  expect(reference, 'run scripts/drop-reasons.ts').toBe(renderDropReasons(header));
});
