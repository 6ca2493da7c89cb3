import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bpfCases } from './bpf.cases.ts';
import { kernelBpf } from './kernel-bpf.ts';

bpfCases('the kernel', () => {
  const root = mkdtempSync(join(tmpdir(), 'tendril-bpf-'));
  execFileSync('mount', ['-t', 'bpf', 'bpf', root]);
  return {
    bpf: kernelBpf,
    objectsDirectory: join(import.meta.dirname, '../../../dist/bpf'),
    pinDirectory: join(root, 'pins'),
    close() {
      execFileSync('umount', ['-l', root]);
      rmSync(root, { recursive: true });
    },
  };
});
