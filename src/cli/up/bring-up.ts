/**
 * `up` from validated options to a running lab:
 *
 *     check everything ──► launcher, server ──► manifests ──► pods Ready, Services in force ──► tables
 *                                └─ fails, or Ctrl-C: undone ─┘        └─ not in time: the lab stays
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resourcePath, resources } from '../../kube/resources.ts';
import type { KubeEvent } from '../../kube/types.ts';
import type { LabStatus, Timing } from '../../lab/server/control-protocol.ts';
import { type LabConfig, labPaths } from '../../lab/topology/lab-config.ts';
import type { LabOptions } from '../../lab/topology/lab-options.ts';
import { labsDirectory } from '../../lab/topology/lab-state.ts';
import { removeLab } from '../../lab/topology/removal.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { describeError, TendrilError } from '../../util/errors.ts';
import { applyManifests } from '../apply/applier.ts';
import type { ManifestObject } from '../manifests/document.ts';
import { loadManifests } from '../manifests/sources.ts';
import { createProgress, type Progress } from '../output/progress.ts';
import { askControl } from '../session/control.ts';
import { openLab } from '../session/lab-session.ts';
import { programDirectory } from '../session/program.ts';
import type { LabSession } from '../session/session.ts';
import { type ExternalOptions, planned } from './external.ts';
import { checkMachine, claimName } from './preflight.ts';
import { checkReadiness, explainPod, type Readiness } from './readiness.ts';
import { rehearse } from './rehearsal.ts';
import { startLab } from './start.ts';
import { summary } from './summary.ts';
import { formatTimings } from './timing-table.ts';

export interface BringUpOptions {
  lab: Omit<LabOptions, 'program' | 'external'>;
  external?: ExternalOptions;
  files: readonly string[];
  wait: boolean;
  timeoutMs: number;
  timings: boolean;
}

/** Resolves with the exit status. @throws TendrilError when nothing was made, or what was made is undone */
export async function bringUp(options: BringUpOptions): Promise<number> {
  const program = programDirectory();
  const config = await planned({ ...options.lab, program }, options.external);
  const manifests = loadManifests(options.files);
  await Promise.all([checkMachine(config), rehearse(manifests, config)]);
  // From here on the name is this process's alone, and so is undoing what is made under it.
  await claimName(config.name);
  const progress = createProgress();
  const timings: Timing[] = [];
  try {
    const { lab, ready } = await undoneOnFailure(config.name, progress, async (signal) => {
      const reporting = { progress, timings, signal };
      const made = await make(config, manifests, reporting);
      const inTime =
        !options.wait || (await waitForPods(made, { ...reporting, timeoutMs: options.timeoutMs }));
      return { lab: made, ready: inTime };
    });
    using _closed = lab;
    progress.end();
    const status = await askControl<LabStatus>(join(lab.paths.root, 'control.sock'), '/status');
    process.stdout.write(await summary(lab.api, config, status.standIns));
    if (options.timings || process.env.TENDRIL_TIMINGS) process.stderr.write(formatTimings(timings));
    return ready ? 0 : 1;
  } finally {
    progress.end();
  }
}

/** Removes the lab again when making it fails or the user interrupts: first the making ends, then it is undone. */
async function undoneOnFailure<T>(
  name: string,
  progress: Progress,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onSignal = () =>
    controller.abort(new TendrilError('CANCELLED', 'interrupted; what was made is undone'));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await run(controller.signal);
  } catch (error) {
    progress.step('undoing what was made');
    await removeLab(name, (text) => progress.note(`tendril: ${text}`)).catch((undoError) =>
      progress.note(`tendril: ${describeError(undoError)}`),
    );
    // What failed because of the interruption (Ctrl-C reaches children too) is no news.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

interface Reporting {
  progress: Progress;
  timings: Timing[];
  /** Aborted when the user interrupts. */
  signal: AbortSignal;
}

async function make(
  config: LabConfig,
  manifests: readonly ManifestObject[],
  { progress, timings, signal }: Reporting,
): Promise<LabSession> {
  const paths = labPaths(config.name, { base: labsDirectory, cgroupMount: cgroupMount() });
  progress.step(`starting lab "${config.name}"`);
  const { events } = await startLab(config, paths, signal);
  let applied: Promise<LabSession> | undefined;
  for await (const event of events) {
    if (event.type === 'step') progress.step(event.text);
    if (event.type === 'api') applied = timed(timings, 'manifests', () => applyTo(config.name, manifests));
    // A failure is reported when it is awaited below.
    applied?.catch(() => {});
    if (event.type === 'up') timings.push(...event.timings);
  }
  if (applied === undefined) throw new TendrilError('INTERNAL', "the lab's server never announced its API");
  const lab = await applied;
  signal.throwIfAborted();
  return lab;
}

async function applyTo(name: string, manifests: readonly ManifestObject[]): Promise<LabSession> {
  const lab = await openLab(name);
  if (manifests.length > 0) {
    await applyManifests(
      { api: lab.api, discovery: await lab.discovery(), namespace: 'default' },
      manifests,
      { rehearsed: true },
    );
  }
  return lab;
}

const pollMs = 25;
/** A look at hundreds of pods costs the machine that brings them up more than it is worth. */
const restPerLook = 8;

/** True when all pods are Ready and their Services in force; else tells which are not, and why. */
async function waitForPods(lab: LabSession, options: Reporting & { timeoutMs: number }): Promise<boolean> {
  const { progress, timeoutMs, timings } = options;
  const deadline = performance.now() + timeoutMs;
  const state = await timed(timings, 'pods Ready', () => untilReady(lab, { ...options, deadline }));
  if (state.done) {
    progress.step('waiting until Services are in force on every node');
    const missing = await timed(timings, 'Services in force', () =>
      untilInForce(lab, { ...options, deadline }),
    );
    for (const text of missing) progress.note(`tendril: ${text}`);
    return missing.length === 0;
  }
  progress.end();
  await explain(lab, state, timeoutMs);
  return false;
}

type Waiting = Reporting & { deadline: number };

async function untilReady(lab: LabSession, { progress, signal, deadline }: Waiting): Promise<Readiness> {
  for (;;) {
    const from = performance.now();
    const state = await checkReadiness(lab.api);
    signal.throwIfAborted();
    if (state.done || performance.now() > deadline) return state;
    progress.step(`pods Ready: ${state.ready} of ${state.total}`);
    await sleep(Math.min(500, Math.max(pollMs, restPerLook * (performance.now() - from))));
  }
}

/** Even where pods took all the time there was, their Services get a moment. */
const leastInForceMs = 2_000;
const askMs = 500;

/** What is still missing at the deadline. */
async function untilInForce(lab: LabSession, { signal, deadline }: Waiting): Promise<string[]> {
  const last = Math.max(deadline, performance.now() + leastInForceMs);
  const socket = join(lab.paths.root, 'control.sock');
  for (;;) {
    const { missing } = await askControl<{ missing: string[] }>(socket, `/programmed?timeoutMs=${askMs}`);
    signal.throwIfAborted();
    if (missing.length === 0 || performance.now() > last) return missing;
  }
}

async function explain(lab: LabSession, state: Readiness, timeoutMs: number): Promise<void> {
  const path = resourcePath(resources.events);
  const { items } = (await lab.api.send({ method: 'GET', path })) as { items: KubeEvent[] };
  const lines = [
    ...state.short.map((workload) => `${workload}: its pods are not all created`),
    ...state.waiting.map((pod) => explainPod(pod, items)),
  ];
  process.stderr.write(`tendril: not Ready after ${Math.round(timeoutMs / 1_000)} s; the lab stays up\n`);
  for (const line of lines) process.stderr.write(`  ${line}\n`);
}

async function timed<T>(timings: Timing[], what: string, run: () => Promise<T>): Promise<T> {
  const from = performance.now();
  try {
    return await run();
  } finally {
    timings.push({ what, atMs: from, tookMs: performance.now() - from });
  }
}
