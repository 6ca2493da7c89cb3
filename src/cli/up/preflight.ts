/** What is checked before anything of a lab is made. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type LabConfig, type LabPaths, labPaths, labsCgroup } from '../../lab/topology/lab-config.ts';
import { labNames, labsDirectory, readLabConfig } from '../../lab/topology/lab-state.ts';
import { cgroupMount, isPopulated } from '../../linux/cgroup/cgroup.ts';
import { hierarchies } from '../../linux/cgroup/hierarchies.ts';
import { requireFeatures } from '../../linux/features/features.ts';
import { TendrilError } from '../../util/errors.ts';
import { askControl } from '../session/control.ts';

/** @throws TendrilError NOT_BUILT, BAD_INPUT, LAB_EXISTS, KERNEL_FEATURE */
export async function checkMachine({ name, nodes, program }: LabConfig): Promise<void> {
  checkBuild(program);
  const paths = labPaths(name, { base: labsDirectory, cgroupMount: cgroupMount() });
  checkSocketPaths(
    paths,
    nodes.map((node) => node.name),
  );
  await checkName(name);
  await requireFeatures(['cgroup2', 'bpffs', 'cgroup-sock-addr', 'clsact', 'nf-tables', 'veth', 'bridge']);
}

/** Of sun_path in struct sockaddr_un, less the NUL at its end: unix(7). */
const socketPathMax = 107;

/**
 * A path that is longer would be cut or refused when its process is long on its way.
 * @throws TendrilError BAD_INPUT
 */
export function checkSocketPaths(paths: LabPaths, nodes: readonly string[]): void {
  const own = ['control.sock', 'up.sock'].map((file) => join(paths.root, file));
  const sockets = [...own, paths.launcherSocket, ...nodes.map((node) => paths.node(node).cniSocket)];
  const excess = Math.max(...sockets.map((path) => Buffer.byteLength(path))) - socketPathMax;
  if (excess <= 0) return;
  throw new TendrilError(
    'BAD_INPUT',
    `the lab's directory ${paths.root} has too long a path: sockets below it may have ${socketPathMax} bytes, and would have ${excess} more`,
    { remedy: `Choose a TENDRIL_RUN or --name that is ${excess} bytes shorter.` },
  );
}

function checkBuild(program: string): void {
  const programs = ['launcher', 'standin', 'agnhost', 'cni-shim'].map((name) => `native/${name}`);
  const missing = [...programs, 'bpf/sock.bpf.o'].filter((file) => !existsSync(join(program, 'dist', file)));
  if (missing.length > 0) {
    throw new TendrilError('NOT_BUILT', `not built yet: dist/${missing.join(', dist/')}`, {
      remedy: `Run: make -C ${program} build`,
    });
  }
}

async function checkName(name: string): Promise<void> {
  if (labNames(hierarchies()).includes(name)) throw await taken(name);
}

/**
 * Makes the lab's directory, which nobody else can then: of two `up` with one name at once, one goes on.
 * @throws TendrilError LAB_EXISTS
 */
export async function claimName(name: string): Promise<void> {
  mkdirSync(labsDirectory, { recursive: true });
  try {
    mkdirSync(join(labsDirectory, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw await taken(name);
    // The last lab that went down took the common directory along.
    if (code === 'ENOENT') return await claimName(name);
    throw error;
  }
}

async function taken(name: string): Promise<TendrilError> {
  const remedy = `Take it down first: tendril down --name ${name}; or choose another name with --name.`;
  const alive = readLabConfig(name) !== undefined && (await answers(name));
  const message = alive ? `a lab named "${name}" is up` : unanswered(name);
  return new TendrilError('LAB_EXISTS', message, {
    remedy: alive ? `${remedy} To change it: tendril apply -f …` : remedy,
  });
}

function unanswered(name: string): string {
  return isPopulated(join(cgroupMount(), labsCgroup(labsDirectory), name))
    ? `a lab named "${name}" is coming up, or does not answer`
    : `a lab named "${name}" left remains here; its processes are dead, or it has just begun to come up`;
}

async function answers(name: string): Promise<boolean> {
  try {
    await askControl(join(labsDirectory, name, 'control.sock'), '/alive', 2_000);
    return true;
  } catch {
    return false;
  }
}
