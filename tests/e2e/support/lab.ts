/** A lab for a test, under a name of its own, always taken down. */
import { agentStatusPort } from '../../../src/lab/server/agents.ts';
import { labPaths } from '../../../src/lab/topology/lab-config.ts';
import { cgroupMount, processes } from '../../../src/linux/cgroup/cgroup.ts';
import { type ControlPlaneOptions, isReal, startControlPlane } from './control-plane.ts';
import { kubectls } from './kubectl-programs.ts';
import { must, type RunOptions, run, runDirectory, tendril } from './tendril.ts';
import type { TestCluster } from './test-cluster.ts';

export interface TestLab extends TestCluster {
  readonly name: string;
}

let count = 0;

/** A name that no other test has. */
export function labName(): string {
  return `e2e-${process.pid}-${++count}`;
}

export interface LabOptions {
  manifest?: string;
  args?: readonly string[];
  env?: Record<string, string>;
}

/** Brings a lab up; takes it down again when that fails. */
export async function bringUp({ manifest, args = [], env }: LabOptions = {}): Promise<TestLab> {
  const plane = isReal ? await startControlPlane({ ...chosenIn(args), egress: true }) : undefined;
  const lab = createLab(labName(), {
    nodes: Number(chosenOf(args, '--nodes') ?? 3),
    after: () => plane?.down(),
  });
  const file = manifest === undefined ? [] : ['-f', '-'];
  const { code, stdout, stderr } = await tendril(
    ['up', '--name', lab.name, ...(plane?.args ?? []), ...file, ...args],
    {
      stdin: manifest,
      env,
    },
  );
  if (code !== 0) {
    await lab.down();
    throw new Error(`up: exit status ${code}\n${stdout}\n${stderr}`);
  }
  return lab;
}

const chosenOf = (args: readonly string[], option: string): string | undefined =>
  args.includes(option) ? args[args.indexOf(option) + 1] : undefined;

/** What a control plane must have as the lab has it. */
function chosenIn(args: readonly string[]): ControlPlaneOptions {
  const chosen = (option: string) => chosenOf(args, option);
  return {
    family: chosen('--ip-family'),
    podCidrs: chosen('--pod-cidr'),
    serviceCidrs: chosen('--service-cidr'),
  };
}

let kubectl: string | undefined;

/** @throws where the machine has none and none can be fetched */
function anyKubectl(): string {
  kubectl ??= kubectls()[0]?.path;
  if (kubectl === undefined) throw new Error('no kubectl: apt install kubernetes-client');
  return kubectl;
}

interface LabShape {
  /** How many it has, or will have. */
  nodes?: number;
  /** Called when it is down. */
  after?: () => Promise<void> | undefined;
}

export function createLab(name: string, { nodes: count = 3, after }: LabShape = {}): TestLab {
  const here = (args: readonly string[], options?: RunOptions) => tendril(['--name', name, ...args], options);
  const nodes = Array.from({ length: count }, (_, i) => `node-${i + 1}`);
  const cgroup = (node: string) =>
    labPaths(name, { base: runDirectory, cgroupMount: cgroupMount() }).node(node).cgroup;
  const kubeconfig = async () => (await must(here(['kubeconfig']))).trim();
  const down = async () => {
    await must(here(['down']));
    await after?.();
  };
  return {
    ...{ name, nodes, workers: nodes, agentPort: agentStatusPort },
    outsideIps: { 4: '172.20.0.1', 6: 'fd00:10:20::1' },
    tendril: here,
    exec: (where, ...command) => must(here(['exec', ...where, '--', ...command])),
    kubectl: async (...args) => run(anyKubectl(), ['--kubeconfig', await kubeconfig(), ...args]),
    kubeconfig,
    processes: (node) => processes(cgroup(node)),
    agents: (...of) => (of.length > 0 ? of : nodes).flatMap((node) => processes(`${cgroup(node)}/agent`)),
    down,
    [Symbol.asyncDispose]: down,
  };
}
