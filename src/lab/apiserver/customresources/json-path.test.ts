import { expect, test } from 'vitest';
import { compileJsonPath } from './json-path.ts';

const object = {
  spec: {
    hosts: ['a', 'b'],
    ports: [
      { port: 80, name: 'http' },
      { port: 443, name: 'https', on: true },
    ],
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
  },
  metadata: { annotations: { 'example.com/x': 'y' } },
};

test.each<[string, unknown[]]>([
  ['.spec.hosts', [['a', 'b']]],
  ['.spec.hosts[0]', ['a']],
  ['.spec.hosts[-1]', ['b']],
  ['.spec.hosts[9]', []],
  ['.spec.hosts[*]', ['a', 'b']],
  ['.spec.hosts[0:1]', ['a']],
  ['.spec.ports[*].port', [80, 443]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type=='Other')].status", ['False']],
  ['.spec.ports[?(@.port>80)].name', ['https']],
  ['.spec.ports[?(@.on)].port', [443]],
  ['.metadata.annotations.example\\.com/x', ['y']],
  [".metadata.annotations['example.com/x']", ['y']],
  ['..port', [80, 443]],
  ['.nope.deeper', []],
  ['.', []],
])('%s', (path, found) => {
  expect(compileJsonPath(path)?.(object) ?? []).toEqual(found);
});
