/**
 * A version that is still to come: this tree's programs with other layouts, and the agent that goes with them. Made from
 * the sources by replacing text, so that nothing in them is there for a test.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const objects = ['sock', 'pod', 'host', 'sockmap', 'dns'];

interface Edit {
  file: string;
  from: string;
  to: string;
}

const version = (number: number): Edit => ({
  file: 'bpf/lib/maps.h',
  from: '#define LAYOUT_VERSION 1\n',
  to: `#define LAYOUT_VERSION ${number}\n`,
});

/** Keys in another order, values wider and in another order, in every map whose loss a connection would notice. */
const otherLayouts: readonly Edit[] = [
  exchange('bpf/shared/addr.h', '\tstruct address src;\n', '\tstruct address dst;\n'),
  {
    ...{
      file: 'bpf/shared/conntrack.h',
      from: '\t__u64 packets;\n\t__u64 bytes;\n\tstruct address new_src;\n',
    },
    to: '\tstruct address new_src;\n\t__u64 bytes;\n\t__u64 packets;\n\t__u8 more[24];\n',
  },
  exchange('bpf/shared/service.h', '\tstruct pool internal;\n', '\tstruct pool external;\n'),
  exchange('bpf/shared/service.h', '\t__u32 pool_id;\n', '\t__u32 index;\n'),
  {
    ...{
      file: 'bpf/shared/service.h',
      from: 'struct affinity {\n\t__u32 backend_id;\n\t__u32 generation;\n',
    },
    to: 'struct affinity {\n\t__u32 generation;\n\t__u32 backend_id;\n',
  },
  {
    ...{ file: 'bpf/shared/service.h', from: '\t__u16 flags;\n\t__u32 backend_id;\n\t__u32 generation;\n' },
    to: '\t__u16 flags;\n\t__u32 generation;\n\t__u32 backend_id;\n\t__u8 more[16];\n',
  },
  {
    ...{ file: 'bpf/shared/endpoint.h', from: '\t__u8 mac[6];\n\t__u16 count;\n\t__u32 flags;\n' },
    to: '\t__u32 flags;\n\t__u16 count;\n\t__u8 mac[6];\n',
  },
  {
    ...{ file: 'bpf/shared/dns.h', from: '\t__u32 flags;\n\t__u32 set;\n\t__u8 v4[4];\n' },
    to: '\t__u32 set;\n\t__u32 flags;\n\t__u8 more[8];\n\t__u8 v4[4];\n',
  },
  exchange('bpf/shared/endpoint.h', '\tstruct address snat4;\n', '\tstruct address snat6;\n'),
];

/** Two neighbouring lines. */
function exchange(file: string, first: string, second: string): Edit {
  return { file, from: first + second, to: second + first };
}

/** Layout 2, which an older agent can read. */
export const nextLayout: readonly Edit[] = [version(2), ...otherLayouts];

/** Layout 3, which no older agent can read. */
export const unreadableLayout: readonly Edit[] = [
  version(3),
  ...otherLayouts,
  {
    ...{ file: 'src/service/backends/ebpf/handover.ts', from: 'const readableBy = 1;' },
    to: 'const readableBy = 3;',
  },
];

/** What a build leaves: bin, dist and what they need. */
export interface Installation extends Disposable {
  directory: string;
  objectsDirectory: string;
}

/** As this tree is built. */
export function copyOfThisVersion(): Installation {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const directory = mkdtempSync(join(root, '.cache', 'version-'));
  for (const part of ['bin', 'dist']) cpSync(join(root, part), join(directory, part), { recursive: true });
  // Hard links: containers see the installation's directory alone.
  execFileSync('cp', ['-al', join(root, 'node_modules'), directory]);
  return {
    directory,
    objectsDirectory: join(directory, 'dist/bpf'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

/** @param agent false for the BPF objects alone */
export function buildVersion(edits: readonly Edit[], { agent = true } = {}): Installation {
  const made = copyOfThisVersion();
  try {
    const parts = [
      'Makefile',
      'package.json',
      'bpf',
      ...(agent ? ['src', 'scripts', 'LICENSE', 'LICENSES.md'] : []),
    ];
    for (const part of parts) cpSync(join(root, part), join(made.directory, part), { recursive: true });
    for (const edit of edits) applyEdit(made.directory, edit);
    buildIn(made, agent);
    return made;
  } catch (error) {
    made[Symbol.dispose]();
    throw error;
  }
}

function applyEdit(directory: string, { file, from, to }: Edit): void {
  const path = join(directory, file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} any more`);
  writeFileSync(path, text.replace(from, to));
}

function buildIn({ directory, objectsDirectory }: Installation, agent: boolean): void {
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: directory, stdio: 'pipe' });
  rmSync(objectsDirectory, { recursive: true });
  mkdirSync(objectsDirectory);
  // What is installed was installed for this tree.
  run('make', '-s', '-o', 'dist/.apt', ...objects.map((name) => `dist/bpf/${name}.bpf.o`));
  if (!agent) return;
  run(process.execPath, 'scripts/bpf-layouts.ts');
  run(process.execPath, 'scripts/bundle.ts');
}

/** Puts another version's agent and programs where an installation has its own, as an upgrade of files does. */
export function installOver(target: Installation, from: Installation): void {
  for (const part of ['dist/bpf', 'dist/chunks', 'dist/main.js'])
    cpSync(join(from.directory, part), join(target.directory, part), { recursive: true });
}
