import { expect, test } from 'vitest';
import { formatServerTable, type ServerTable } from './server-table.ts';

const table: ServerTable = {
  columnDefinitions: [
    { name: 'Name', type: 'string' },
    { name: 'Ready', type: 'string' },
    { name: 'IP', type: 'string', priority: 1 },
  ],
  rows: [
    { cells: ['cart', '1/1', '10.0.0.1'], object: { metadata: { name: 'cart', namespace: 'shop' } } },
    {
      cells: ['a-long-name', null, null],
      object: { metadata: { name: 'a-long-name', namespace: 'default' } },
    },
  ],
};
const options = { wide: false, withNamespace: false, prefix: '' };

test('a table as kubectl prints it', () => {
  expect(formatServerTable(table, options)).toBe(
    'NAME          READY\ncart          1/1\na-long-name   <none>\n',
  );
});

test('wide, with namespaces, and with the kind before names', () => {
  expect(formatServerTable(table, { wide: true, withNamespace: true, prefix: 'pod/' })).toBe(
    'NAMESPACE   NAME              READY    IP\nshop        pod/cart          1/1      10.0.0.1\ndefault     pod/a-long-name   <none>   <none>\n',
  );
});
