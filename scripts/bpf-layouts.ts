/**
 * Writes TypeScript for the structures that BPF programs and user space share, from the compiled objects'
 * BTF, so that C alone defines them. Run it after a change in bpf/shared; a test fails while it was not.
 *
 *     node scripts/bpf-layouts.ts [OBJECT] > src/service/backends/ebpf/generated/layouts.ts
 */
import { readBtf } from '../src/linux/bpf/btf.ts';
import { renderLayouts } from '../src/linux/bpf/layout-source.ts';

process.stdout.write(renderLayouts(readBtf(process.argv[2] ?? 'dist/bpf/pod.bpf.o')));
