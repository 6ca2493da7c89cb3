/**
 * From `tendril up` to every pod Ready and every Service in the datapath; where the time goes; what it costs in memory
 * and on processors, then and at rest.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { labPaths } from '../src/lab/topology/lab-config.ts';
import { cgroupMount, processes } from '../src/linux/cgroup/cgroup.ts';
import { type createReporter, medianOf } from './report.ts';

export const claim =
  '3 nodes and 12 pods are Ready, their Services in force, in under 3 s; 20 nodes and 400 pods in under 60 s; 50 nodes and 1,000 pods come up';

type Report = ReturnType<typeof createReporter>;

const root = resolve(import.meta.dirname, '..');
const program = join(root, 'bin', 'tendril');
const runDirectory = '/run/tendril-bench';
const env = { ...process.env, TENDRIL_RUN: runDirectory };
const name = 'bench';
const restSeconds = 10;
/** USER_HZ, the same on all of Linux. */
const ticksPerSecond = 100;

export async function run(report: Report): Promise<void> {
  execFileSync('make', ['-s', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const shop = readFileSync(join(root, 'examples', 'shop.yaml'), 'utf8');
  measure(report, { what: '3 nodes, 12 pods', nodes: 3, manifest: shop, runs: 7 });
  measure(report, { what: '20 nodes, 400 pods', nodes: 20, manifest: manyPods(40), runs: 3 });
  measure(report, { what: '50 nodes, 1,000 pods', nodes: 50, manifest: manyPods(100), runs: 1 });
}

interface Case {
  what: string;
  nodes: number;
  manifest: string;
  runs: number;
}

function measure(report: Report, { what, nodes, manifest, runs }: Case): void {
  if (runs > 1) {
    bringUp(nodes, manifest);
    down();
  }
  const all: Map<string, number>[] = [];
  for (let i = 0; i < runs; i++) {
    all.push(bringUp(nodes, manifest));
    if (i === runs - 1) {
      reportMemory(report, what, nodes);
      reportProcessors(report, what, nodes);
    }
    down();
  }
  for (const step of all[0]!.keys()) {
    const { median, interval } = medianOf(all.map((timings) => timings.get(step) ?? 0));
    const unit = 's';
    report({
      name: `${what}: ${step}`,
      value: median / 1000,
      interval: [interval[0] / 1000, interval[1] / 1000],
      unit,
      runs,
    });
  }
}

/** The steps that `up --timings` tells, in ms, and `in all` as seen from outside. */
function bringUp(nodes: number, manifest: string): Map<string, number> {
  const start = performance.now();
  const args = ['up', '--name', name, '--nodes', String(nodes), '--timeout', '300s', '--timings', '-f', '-'];
  const { status, stderr } = spawnSync(program, args, { env, input: manifest, encoding: 'utf8' });
  const took = performance.now() - start;
  if (status !== 0) {
    down();
    throw new Error(`up: exit status ${status}\n${stderr}`);
  }
  const steps = [...stderr.matchAll(/^(\S.*?) {2,}([\d.]+) ms$/gm)].map(
    ([, step, ms]) => [step!, Number(ms)] as const,
  );
  return new Map([...steps.filter(([step]) => step !== 'in all'), ['in all', took]]);
}

function down(): void {
  execFileSync(program, ['down', '--name', name], { env, stdio: 'ignore' });
}

/** MiB by kind of process: the largest Rss and Pss of one, and the Pss of all together. */
function reportMemory(report: Report, what: string, nodes: number): void {
  const kinds = new Map<string, { rss: number; pss: number }[]>();
  for (const pid of labProcesses(nodes)) {
    const used = memoryOf(pid);
    if (used) kinds.set(used.kind, [...(kinds.get(used.kind) ?? []), used]);
  }
  let total = 0;
  for (const [kind, all] of kinds) {
    const sum = all.reduce((pss, one) => pss + one.pss, 0);
    total += sum;
    const line = (of: string, value: number) =>
      report({ name: `${what}: ${of}`, value, unit: 'MiB', runs: all.length });
    line(`${kind}, largest Rss`, Math.max(...all.map(({ rss }) => rss)));
    line(`${kind}, largest Pss`, Math.max(...all.map(({ pss }) => pss)));
    line(`${kind}, Pss of all`, sum);
  }
  report({ name: `${what}: Pss of the whole lab`, value: total, unit: 'MiB', runs: 1 });
}

function labProcesses(nodes: number): number[] {
  const { cgroup } = labPaths(name, { base: runDirectory, cgroupMount: cgroupMount() });
  const pids = processes(cgroup);
  if (pids.length < nodes) throw new Error(`the lab has ${pids.length} processes only`);
  return pids;
}

function memoryOf(pid: number): { kind: string; rss: number; pss: number } | undefined {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const mib = (field: string) =>
      Number(new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1024;
    return { kind: kindOf(pid), rss: mib('Rss'), pss: mib('Pss') };
  } catch {
    // It has ended since it was listed.
    return undefined;
  }
}

/** The program's name, or of Tendril the word after it. */
function kindOf(pid: number): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const script = words.findIndex((word) => word.endsWith('main.js'));
  return script >= 0 ? words[script + 1]! : (words[0] ?? '').split('/').pop()!;
}

/** Seconds of a processor that each kind of process has taken since it began, and takes in a second at rest. */
function reportProcessors(report: Report, what: string, nodes: number): void {
  const pids = labProcesses(nodes);
  const before = secondsByKind(pids);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, restSeconds * 1000);
  const after = secondsByKind(pids);
  const line = (of: string, value: number) =>
    report({ name: `${what}: ${of}`, value, unit: 's', runs: pids.length });
  for (const [kind, seconds] of before) {
    line(`${kind}, processor time to come up`, seconds);
    line(`${kind}, in a second at rest`, ((after.get(kind) ?? seconds) - seconds) / restSeconds);
  }
}

function secondsByKind(pids: readonly number[]): Map<string, number> {
  const kinds = new Map<string, number>();
  for (const pid of pids) {
    try {
      const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .split(') ')[1]!
        .split(' ')
        .slice(11, 13);
      const kind = kindOf(pid);
      kinds.set(kind, (kinds.get(kind) ?? 0) + (Number(user) + Number(system)) / ticksPerSecond);
    } catch {
      // It has ended since it was listed.
    }
  }
  return kinds;
}

function manyPods(apps: number): string {
  const one = (i: number) => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-${i}}
spec:
  replicas: 10
  selector: {matchLabels: {app: app-${i}}}
  template:
    metadata: {labels: {app: app-${i}}}
    spec:
      containers: [{name: server, image: example.com/app, ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: app-${i}}
spec:
  selector: {app: app-${i}}
  ports: [{port: 80, targetPort: http}]
`;
  return Array.from({ length: apps }, (_, i) => one(i)).join('');
}
