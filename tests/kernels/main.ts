/**
 * Runs the datapath's tests on other kernels than this machine's: `make test-kernels`, or `main.ts [KERNEL] [TEST…]`.
 * A kernel that cannot be had is skipped, with the reason.
 */
import { bundleTests } from './bundle.ts';
import { debianKernel, type Kernel, run } from './debian-kernel.ts';
import { runTests } from './machine.ts';

/** And the releases of Debian that have them. The first is the oldest that Tendril is for. */
const kernels: Record<string, string> = { 6.1: 'bookworm', 6.12: 'bookworm-backports' };
const packages = ['qemu-system-x86', 'kmod', 'xz-utils', 'busybox'];
/** Every program loaded, packets put through them, and real ones between nodes. */
const usual = ['packets', 'hostile', 'services'].map((name) => `bpf/tests/${name}.test.ts`);
const timeoutMs = 15 * 60_000;

process.exitCode = (await main()) ? 0 : 1;

async function main(): Promise<boolean> {
  const words = process.argv.slice(2);
  const wanted = words[0]! in kernels ? [words.shift()!] : Object.keys(kernels);
  const tests = await bundleTests(words.length > 0 ? words : usual);
  let well = true;
  for (const version of wanted) {
    const kernel = obtain(version);
    if (kernel !== undefined) well = (await runTests({ kernel, tests, timeoutMs })) && well;
  }
  return well;
}

function obtain(version: string): Kernel | undefined {
  try {
    if (process.arch !== 'x64') throw new Error('only x86-64 is emulated so far');
    run('scripts/apt-install', packages);
    return debianKernel(kernels[version]!);
  } catch (error) {
    console.log(`skipped Linux ${version}: ${(error as Error).message}`);
    return undefined;
  }
}
