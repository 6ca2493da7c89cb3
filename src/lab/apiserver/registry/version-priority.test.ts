import { expect, test } from 'vitest';
import { compareVersions } from './version-priority.ts';

test('released versions come before betas, those before alphas, and what is no version last', () => {
  const versions = [
    'foo10',
    'v1',
    'v2alpha1',
    'v10',
    'v1beta1',
    'foo1',
    'v11beta2',
    'v3beta1',
    'v12alpha1',
    'v2',
  ];
  expect(versions.sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v11beta2',
    'v3beta1',
    'v1beta1',
    'v12alpha1',
    'v2alpha1',
    'foo1',
    'foo10',
  ]);
});
