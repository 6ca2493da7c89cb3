import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { boundedYoungHeap } from './heap.ts';

/** Size of the young generation, MiB, of a process that has had much to keep for a while. */
function youngAfterWork(...flags: string[]): number {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { keepHeapSmall } from '${join(import.meta.dirname, 'heap.ts')}';
    keepHeapSmall();
    const kept = [];
    for (let i = 0; i < 120_000; i++) kept[i % 50_000] = { i, text: 'n' + i };
    console.log(getHeapSpaceStatistics().find((one) => one.space_name === 'new_space').space_size);`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  const argv = [...flags, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
  return Number(execFileSync(process.execPath, argv, { encoding: 'utf8', env })) / 2 ** 20;
}

test('what is young stays small, or grows to the bound that a DNS server is started with', () => {
  expect(youngAfterWork()).toBeLessThanOrEqual(2);
  const bounded = youngAfterWork(boundedYoungHeap);
  expect(bounded).toBeGreaterThan(2);
  expect(bounded).toBeLessThanOrEqual(16);
});

test('the starter has the same bound', () => {
  const starter = readFileSync(join(import.meta.dirname, '../../bin/tendril'), 'utf8');
  expect(starter).toContain(`dns) young=${boundedYoungHeap} ;;`);
});
