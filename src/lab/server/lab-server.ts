/**
 * The lab's server process: the fabric, the outside host, and what stands in for a Kubernetes control plane.
 *
 *     fabric ───┬─► API server, ──► controllers, kubelets ──► cluster DNS objects
 *     launcher ─┘   its own or │
 *                   another's  └──► agents (their own processes; watched, started again)
 *
 * Everything that can wait is done side by side. It runs until SIGTERM; `down` just kills it.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { resources } from '../../kube/resources.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { LimitedCgroups } from '../../linux/cgroup/limited-cgroups.ts';
import { ensureBpffs, mountTmpfs } from '../../linux/mount/mount.ts';
import { describeError, remedyOf, TendrilError } from '../../util/errors.ts';
import { createLogger, type Logger } from '../../util/logger.ts';
import { UndoStack } from '../../util/undo-stack.ts';
import { untilPodCidrsFit } from '../external/pod-cidrs.ts';
import { LauncherClient } from '../launcher/launcher-client.ts';
import { applyFabric } from '../topology/fabric-apply.ts';
import { planFabric } from '../topology/fabric-plan.ts';
import { letXdpArrive } from '../topology/fabric-xdp.ts';
import { setUpInternet } from '../topology/internet.ts';
import { type LabConfig, type LabPaths, labPaths } from '../topology/lab-config.ts';
import { labsDirectory, requireLabConfig } from '../topology/lab-state.ts';
import { agentEvents } from './agent-events.ts';
import { askAgent } from './agent-report.ts';
import { createAgents, prepareAgent } from './agents.ts';
import { installClusterDns } from './cluster-dns.ts';
import { startControl } from './control.ts';
import { startControlPlane } from './control-plane.ts';
import { joinControlPlane } from './external-plane.ts';
import { startKubelets } from './kubelets.ts';
import { untilReady } from './nodes-ready.ts';
import { startOutsideHost } from './outside-host.ts';
import { type ProgressReport, reportProgress } from './progress.ts';
import { labStatus, type StatusSources, waitUntilProgrammed } from './status.ts';
import { Timings } from './timings.ts';

/** Runs until SIGTERM; resolves with the exit status. */
export async function runLabServer(name: string): Promise<number> {
  const config = requireLabConfig(name);
  const paths = labPaths(name, { base: labsDirectory, cgroupMount: cgroupMount() });
  const logger = createLogger({ fields: { component: 'lab-server', lab: name } });
  const progress = reportProgress(`${paths.root}/up.sock`);
  process.on('unhandledRejection', (error) => logger.error('a promise failed unheard', { error }));
  try {
    const stop = await bringUp(config, paths, { logger, progress });
    await new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
    await stop();
    return 0;
  } catch (error) {
    logger.error('the lab could not be brought up', {
      error,
      stack: error instanceof Error ? error.stack : undefined,
    });
    const code = error instanceof TendrilError ? error.code : 'INTERNAL';
    progress.send({ type: 'failed', code, message: describeError(error), remedy: remedyOf(error) });
    progress.close();
    return 1;
  }
}

async function bringUp(
  config: LabConfig,
  paths: LabPaths,
  { logger, progress }: { logger: Logger; progress: ProgressReport },
): Promise<() => Promise<void>> {
  const timings = new Timings();
  const step = <T>(text: string, what: string, run: () => T | Promise<T>): Promise<T> => {
    progress.send({ type: 'step', text });
    return timings.measure(what, run);
  };
  await step('making the fabric', 'fabric', () => makeFabric(config, paths));
  const launcher = new LauncherClient(paths.launcherSocket);
  const plane = await step(...planeStep(config), () =>
    config.external === undefined
      ? startControlPlane(config, paths, logger)
      : joinControlPlane(config, paths, { external: config.external, logger }),
  );
  if (config.external === undefined) progress.send({ type: 'api' });

  const onChange = agentEvents(plane, logger);
  const agents = createAgents({ config, paths, launcher, logger, onChange });
  // All labs' groups lie below one that holds no process.
  const cgroups = new LimitedCgroups(dirname(paths.cgroup));
  const kubelets = startKubelets({ config, paths, launcher, cgroups, plane, logger });
  launcher.onGone(() => {
    logger.error('the launcher has died, and every container with it');
    for (const kubelet of kubelets.list) kubelet.launcherGone();
  });
  const [stopOutside] = await Promise.all([
    timings.measure('outside host', () => startOutsideHost(config, paths, { launcher, logger })),
    step('starting agents', 'agents', () =>
      Promise.all(
        config.nodes.map(({ name }) => {
          prepareAgent(name, config, paths, plane.nodeKubeconfig(name));
          return agents.start(name);
        }),
      ),
    ),
    timings.measure('cluster DNS objects', () =>
      installClusterDns(plane.client, config, plane.dnsKubeconfig),
    ),
    timings.measure('kubelets', () => kubelets.started),
    config.external && untilPodCidrsFit(config, plane.informers, readyWithinMs),
  ]);
  const { informers } = plane;
  if (config.external) {
    // Somebody else's scheduler would give all pods to the node that is ready first.
    await untilReady(config, informers, readyWithinMs);
    progress.send({ type: 'api' });
  }
  const sources: StatusSources = {
    config,
    paths,
    agents,
    launcher,
    missingControllers: cgroups.missing,
    labRuns: plane.labRuns,
    stores: {
      nodes: informers.store(resources.nodes),
      pods: informers.store(resources.pods),
      services: informers.store(resources.services),
      slices: informers.store(resources.endpointSlices),
    },
  };
  const control = await startControl(`${paths.root}/control.sock`, {
    status: () => labStatus(sources),
    programmed: (timeoutMs) => waitUntilProgrammed(sources, timeoutMs),
    agent: (node, path) => askNodesAgent(config, paths, { node, path }),
  });
  progress.send({ type: 'up', timings: timings.list });
  progress.close();
  return async () => {
    agents.stop();
    control.close();
    kubelets.stop();
    await stopOutside();
    await plane.stop();
    launcher.close();
  };
}

const readyWithinMs = 20_000;

function planeStep({ external }: LabConfig): [text: string, what: string] {
  return external === undefined
    ? ['starting the API server', 'API server']
    : [`joining the API server at ${external.endpoint.server}`, 'API server'];
}

async function askNodesAgent(
  { nodes }: LabConfig,
  paths: LabPaths,
  { node, path }: { node: string; path: string },
): Promise<unknown> {
  const found = nodes.find(({ name }) => name === node);
  if (found === undefined) {
    const remedy = `There are: ${nodes.map(({ name }) => name).join(', ')}.`;
    throw new TendrilError('BAD_INPUT', `the lab has no node "${node}"`, { remedy });
  }
  return await askAgent(paths.node(node).netns, found.ips[0]!, path);
}

/** Of the machine's memory: the rest goes on when containers have filled theirs. */
const containerFilesSize = '40%';

/** Namespaces, links, a bpffs, room for containers, and where wanted the way to the internet. All or nothing. */
async function makeFabric(config: LabConfig, paths: LabPaths): Promise<void> {
  await using undo = new UndoStack();
  // A mount of its own: whoever has a mount namespace leaves all namespaces of pods behind by one call.
  mountTmpfs(paths.netns('.'));
  mkdirSync(paths.bpf, { recursive: true });
  ensureBpffs(paths.bpf);
  mountTmpfs(paths.containerFiles, { size: containerFilesSize, mode: '0700' });
  const fabric = planFabric(config);
  applyFabric(fabric, { netns: paths.netns, undo });
  if (config.xdp === 'native') letXdpArrive(fabric, config, paths);
  if (config.internet) await setUpInternet(config, paths);
  undo.commit();
}
