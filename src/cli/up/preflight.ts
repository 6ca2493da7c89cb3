/** What is checked before anything of a lab is made. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { labNames, labsDirectory, readLabConfig } from '../../lab/topology/lab-state.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { requireFeatures } from '../../linux/features/features.ts';
import { TendrilError } from '../../util/errors.ts';
import { askControl } from '../session/control.ts';

/** @throws TendrilError KERNEL_FEATURE, LAB_EXISTS */
export async function checkMachine(name: string, program: string): Promise<void> {
  checkBuild(program);
  await checkName(name);
  await requireFeatures(['cgroup2', 'bpffs', 'cgroup-sock-addr', 'clsact', 'nf-tables', 'veth', 'bridge']);
}

function checkBuild(program: string): void {
  const missing = ['native/launcher', 'native/standin', 'native/cni-shim', 'bpf/sock.bpf.o'].filter(
    (file) => !existsSync(join(program, 'dist', file)),
  );
  if (missing.length > 0) {
    throw new TendrilError('LAB_FAILED', `not built yet: dist/${missing.join(', dist/')}`, {
      remedy: `Run: make -C ${program} build`,
    });
  }
}

async function checkName(name: string): Promise<void> {
  if (!labNames(cgroupMount()).includes(name)) return;
  const remedy = `Take it down first: tendril down --name ${name}; or choose another name with --name.`;
  const alive = readLabConfig(name) !== undefined && (await answers(name));
  const message = alive
    ? `a lab named "${name}" is up`
    : `remains of a lab named "${name}" are here; its processes are dead`;
  throw new TendrilError('LAB_EXISTS', message, {
    remedy: alive ? `${remedy} To change it: tendril apply -f …` : remedy,
  });
}

async function answers(name: string): Promise<boolean> {
  try {
    await askControl(join(labsDirectory, name, 'control.sock'), '/alive', 2_000);
    return true;
  } catch {
    return false;
  }
}
