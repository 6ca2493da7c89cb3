/**
 * A machine of QEMU's with another kernel and this machine's files, which runs tests and ends. Emulated (TCG), so that it
 * needs nothing of the processor; it starts in some ten seconds even so.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { type Kernel, run, unxz } from './debian-kernel.ts';

const tree = resolve(import.meta.dirname, '../..');
/** What mounting the host's files takes, with what these modules need themselves. */
const firstModules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

export interface Task {
  kernel: Kernel;
  /** Bundled (bundle.ts). */
  tests: readonly string[];
  timeoutMs: number;
}

/** Runs tests there, their output on ours. Whether all of them ended well. */
export async function runTests({ kernel, tests, timeoutMs }: Task): Promise<boolean> {
  const scratch = mkdtempSync(join(tmpdir(), 'tendril-kernel-'));
  try {
    const variables = [`tree=${tree}`, `modules=${kernel.modules}`, `"tests=${tests.join(' ')}"`];
    const argv = machine(kernel.image, initialRamDisk(kernel, scratch), variables);
    return await boot(argv, timeoutMs);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** BusyBox, the first modules in the order they load in, and `init`. */
function initialRamDisk(kernel: Kernel, scratch: string): string {
  const root = join(scratch, 'root');
  mkdirSync(join(root, 'modules'), { recursive: true });
  const libraries = run('ldd', ['/bin/busybox']).match(/\/\S+/g) ?? [];
  for (const file of ['/bin/busybox', ...libraries]) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  copyFileSync(join(root, 'bin/busybox'), join(root, 'bin/sh'));
  for (const [index, file] of modulesOf(kernel).entries()) {
    const bytes = readFileSync(file);
    const name = `${String(index).padStart(2, '0')}-${basename(file, '.xz')}`;
    writeFileSync(join(root, 'modules', name), file.endsWith('.xz') ? unxz(bytes) : bytes);
  }
  copyFileSync(join(import.meta.dirname, 'init'), join(root, 'init'));
  chmodSync(join(root, 'init'), 0o755);
  const path = join(scratch, 'initrd');
  run('sh', ['-c', 'cd "$0" && find . | busybox cpio -o -H newc >"$1"', root, path]);
  return path;
}

function modulesOf({ modules, release }: Kernel): string[] {
  const directory = resolve(modules, '../../..');
  const lines = run('modprobe', ['-d', directory, '-S', release, '-a', '--show-depends', ...firstModules]);
  return [...new Set(lines.match(/(?<=^insmod )\S+/gm))];
}

function machine(image: string, initrd: string, variables: string[]): string[] {
  const kernelOptions = 'console=ttyS0 loglevel=4 panic=-1 rdinit=/init mitigations=off tsc=reliable';
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...['-machine', 'q35', '-accel', 'tcg,thread=single'],
    ...['-cpu', 'max,la57=off', '-smp', '1', '-m', '2048'],
    ...['-kernel', image, '-initrd', initrd, '-append', [kernelOptions, ...variables].join(' ')],
    ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
  ];
}

/** `inside` says last how the tests ended; a machine that says nothing has not run them. */
async function boot(argv: string[], timeoutMs: number): Promise<boolean> {
  const child = spawn('qemu-system-x86_64', argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    process.stdout.write(text);
  });
  await once(child, 'close');
  return /^exit status 0\r?$/m.test(said);
}
