/** A lab for a test, under a name of its own, always taken down. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlPlaneOptions, isReal, startControlPlane } from './control-plane.ts';
import { kubectls } from './kubectl-programs.ts';
import { must, type Output, type RunOptions, run, tendril } from './tendril.ts';

export interface TestLab extends AsyncDisposable {
  readonly name: string;
  /** `tendril ARGS --name NAME`. */
  tendril(args: readonly string[], options?: RunOptions): Promise<Output>;
  /** Standard output of a command that must succeed, in a pod, on a node or outside. */
  exec(where: readonly string[], ...command: string[]): Promise<string>;
  kubectl(...args: string[]): Promise<Output>;
  down(): Promise<void>;
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
  const lab = createLab(labName(), () => plane?.down());
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

/** What a control plane must have as the lab has it. */
function chosenIn(args: readonly string[]): ControlPlaneOptions {
  const chosen = (option: string) => (args.includes(option) ? args[args.indexOf(option) + 1] : undefined);
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

/** `after` is called when it is down. */
export function createLab(name: string, after?: () => Promise<void> | undefined): TestLab {
  const here = (args: readonly string[], options?: RunOptions) => tendril(['--name', name, ...args], options);
  const down = async () => {
    await must(here(['down']));
    await after?.();
  };
  return {
    name,
    tendril: here,
    exec: (where, ...command) => must(here(['exec', ...where, '--', ...command])),
    kubectl: async (...args) =>
      run(anyKubectl(), ['--kubeconfig', (await must(here(['kubeconfig']))).trim(), ...args]),
    down,
    [Symbol.asyncDispose]: down,
  };
}

/** A directory with these files, removed at the end. */
export function scratchFiles(files: Record<string, string>): Disposable & { path: (name: string) => string } {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-e2e-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return {
    path: (name) => join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
