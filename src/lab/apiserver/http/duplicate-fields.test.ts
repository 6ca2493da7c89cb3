import { expect, test } from 'vitest';
import { duplicateFields } from './duplicate-fields.ts';

test.each([
  ['{"a":1,"b":{"a":1}}', []],
  ['{"a":1,"a":2,"a":3}', ['a']],
  ['{"spec":{"ports":[{"port":1},{"port":1,"name":"x","port":2}]}}', ['spec.ports[1].port']],
  ['{"a":[[{}],[{"b":1,"b":2}]]}', ['a[1][0].b']],
  ['{"a":"{\\"b\\":1,\\"b\\":2}","c\\"":1,"c\\u0022":2}', ['c"']],
  ['[{"op":"add"},{"op":"add"}]', []],
  ['"a"', []],
])('in %s: %j', (text, paths) => {
  expect(duplicateFields(text, JSON.parse(text))).toEqual(paths);
});
