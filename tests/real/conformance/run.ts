/** Runs specs on the cluster, from the control plane's node, several at a time. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { kubeconfigPath, nodes } from '../cluster/layout.ts';
import { wordsOnNode } from '../cluster/node.ts';
import { program } from '../cluster/parts.ts';
import { cache, testProgram } from './programs.ts';
import { createProgress, type EndedSpec } from './progress.ts';
import { type Selection, selectionFlags } from './selection.ts';

export interface RunOptions {
  selection: Selection;
  /** How many at a time. */
  processes: number;
  ended: (spec: EndedSpec) => void;
}

/** `report` holds what ginkgo printed and its JUnit file. */
export const report = join(cache, 'report');

/** Whether all that ran passed; ginkgo says no, too, where nothing ran. */
export async function runSpecs({ selection, processes, ended }: RunOptions): Promise<boolean> {
  rmSync(report, { recursive: true, force: true });
  mkdirSync(report, { recursive: true });
  const [controlPlane] = nodes();
  const [command, ...words] = wordsOnNode(
    controlPlane!,
    testProgram('ginkgo'),
    ...['-v', '--no-color', `--procs=${processes}`, '--timeout=3h', '--fail-on-empty'],
    ...[`--output-dir=${report}`, '--junit-report=junit.xml', ...selectionFlags(selection)],
    ...[testProgram('e2e.test'), '--', ...testFlags()],
  );
  const child = spawn(command!, words, { cwd: report, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(join(report, 'output.txt'));
  child.stdout.pipe(log);
  child.stderr.pipe(log, { end: false });
  createInterface({ input: child.stdout }).on('line', createProgress(ended));
  return (await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))) === 0;
}

function testFlags(): string[] {
  const workers = nodes().filter(({ isControlPlane }) => !isControlPlane);
  return [
    ...['--provider=skeleton', `--num-nodes=${workers.length}`, '--disable-log-dump'],
    ...[`--kubeconfig=${kubeconfigPath}`, `--kubectl-path=${program('kubectl')}`],
  ];
}
