/** The checked-in layouts are those of the compiled programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readBtf } from '../../src/linux/bpf/btf.ts';
import { layoutFiles, renderLayouts } from '../../src/linux/bpf/layout-source.ts';
import { objectsDirectory } from './cluster.ts';

it.each(layoutFiles)(
  'the generated layouts match the compiled $object object (else run scripts/bpf-layouts.ts)',
  (file) => {
    const generated = readFileSync(join(import.meta.dirname, '../../src', file.path), 'utf8');
    expect(generated).toBe(renderLayouts(readBtf(join(objectsDirectory, `${file.object}.bpf.o`)), file));
  },
);

it.each([
  ['pod', ['frontend_key', 'slot_key', 'tuple', 'peer_key', 'fragment_key', 'affinity_key']],
  ['dns', ['dns_server_key']],
])('no key of a map of %s has padding that the compiler would leave unset', (object, keys) => {
  const btf = readBtf(join(objectsDirectory, `${object}.bpf.o`));
  for (const name of keys) {
    const { fields, size } = btf.struct(name);
    expect([name, fields.reduce((sum, field) => sum + field.size, 0)]).toEqual([name, size]);
  }
});
