/** The checked-in layouts are those of the compiled programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readBtf } from '../../src/linux/bpf/btf.ts';
import { renderLayouts } from '../../src/linux/bpf/layout-source.ts';
import { objectsDirectory } from './cluster.ts';

const generated = join(import.meta.dirname, '../../src/service/backends/ebpf/generated/layouts.ts');

it('the generated layouts match the compiled object (else run scripts/bpf-layouts.ts)', () => {
  expect(readFileSync(generated, 'utf8')).toBe(renderLayouts(readBtf(join(objectsDirectory, 'pod.bpf.o'))));
});

it('no key of a map has padding that the compiler would leave unset', () => {
  const btf = readBtf(join(objectsDirectory, 'pod.bpf.o'));
  for (const name of ['frontend_key', 'slot_key', 'tuple', 'peer_key', 'fragment_key', 'affinity_key']) {
    const { fields, size } = btf.struct(name);
    expect([name, fields.reduce((sum, field) => sum + field.size, 0)]).toEqual([name, size]);
  }
});
