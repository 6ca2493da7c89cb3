import { expect, test } from 'vitest';
import { type Taint, type Toleration, tolerates } from './node-selector.ts';

const taint: Taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };

test.each<[Toleration, boolean]>([
  [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }, true],
  [{ key: 'gpu', value: 'yes' }, true],
  [{ key: 'gpu', value: 'no' }, false],
  [{ key: 'gpu', operator: 'Exists' }, true],
  [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }, false],
  [{ operator: 'Exists' }, true],
  [{ operator: 'Exists', effect: 'NoExecute' }, false],
  [{}, false],
])('%j tolerates gpu=yes:NoSchedule: %s', (toleration, holds) => {
  expect(tolerates([toleration], taint)).toBe(holds);
});
