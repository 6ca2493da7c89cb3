import { expect, test } from 'vitest';
import {
  compileFieldSelectorText,
  compileLabelSelectorText,
  compileSelector,
  compileSimpleSelector,
  formatSelector,
  parseLabelSelector,
} from './selectors.ts';

const labels = { app: 'cart', tier: 'back', weight: '3' };

test.each([
  ['', true],
  ['app', true],
  ['!app', false],
  ['!gone', true],
  ['app=cart', true],
  ['app==cart,tier=back', true],
  ['app=cart,tier=front', false],
  ['app!=cart', false],
  ['gone!=cart', true],
  ['app in (cart, pay)', true],
  ['app in (pay),tier=back', false],
  ['app notin (pay,cart)', false],
  ['gone notin (x)', true],
  ['weight>2', true],
  ['weight<3', false],
  ['app>2', false],
  ['gone=', false],
])('label selector "%s" on app=cart,tier=back,weight=3: %s', (text, holds) => {
  expect(compileLabelSelectorText(text)(labels)).toBe(holds);
});

test.each(['a=b=c', 'in (x)(y)', '!', 'a,,b', 'a b'])('"%s" is refused', (text) => {
  expect(() => parseLabelSelector(text)).toThrow(/unable to parse/);
});

test('an empty selector selects everything, an absent one nothing', () => {
  expect(compileSelector({})(undefined)).toBe(true);
  expect(compileSelector(undefined)(labels)).toBe(false);
  expect(compileSimpleSelector({})(labels)).toBe(false);
});

test('a selector object and its text agree', () => {
  const selector = {
    matchLabels: { app: 'cart' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['back', 'mid'] },
      { key: 'gone', operator: 'DoesNotExist' },
    ],
  };
  expect(formatSelector(selector)).toBe('app=cart,tier in (back,mid),!gone');
  expect(compileSelector(selector)(labels)).toBe(true);
  expect(compileLabelSelectorText(formatSelector(selector))(labels)).toBe(true);
});

test.each([
  ['spec.nodeName=node-1', true],
  ['spec.nodeName=', false],
  ['status.phase=', true],
  ['metadata.name!=a,spec.nodeName==node-1', true],
])('field selector "%s": %s', (text, holds) => {
  const pod = { metadata: { name: 'b' }, spec: { nodeName: 'node-1' } };
  expect(compileFieldSelectorText(text)(pod)).toBe(holds);
});

test.each(['constructor', '__proto__', 'toString'])('%s, which every object inherits, is no label', (key) => {
  for (const present of [labels, undefined]) {
    expect(compileLabelSelectorText(key)(present)).toBe(false);
    expect(compileLabelSelectorText(`!${key}`)(present)).toBe(true);
    expect(compileLabelSelectorText(`${key}!=x`)(present)).toBe(true);
  }
  expect(compileFieldSelectorText(`${key}=`)({})).toBe(true);
});
