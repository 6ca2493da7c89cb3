import { expect, test } from 'vitest';
import { dropEmptyMetadata } from './metadata.ts';

test('empty maps and lists are left out, all else stays', () => {
  const metadata = { name: 'web', labels: {}, annotations: { a: '' }, finalizers: [], ownerReferences: [{}] };
  dropEmptyMetadata(metadata);
  expect(metadata).toEqual({ name: 'web', annotations: { a: '' }, ownerReferences: [{}] });
});
