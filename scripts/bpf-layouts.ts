/**
 * Writes TypeScript for the structures that BPF programs and user space share, from the compiled objects'
 * BTF, so that C alone defines them. Run it after a change in bpf/shared; a test fails while it was not.
 *
 *     node scripts/bpf-layouts.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readBtf } from '../src/linux/bpf/btf.ts';
import { layoutFiles, renderLayouts } from '../src/linux/bpf/layout-source.ts';

for (const file of layoutFiles) {
  const path = join('src', file.path);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, renderLayouts(readBtf(join('dist', 'bpf', `${file.object}.bpf.o`)), file));
}
