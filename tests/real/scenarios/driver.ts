/**
 * The second of the two drivers of scenarios (tests/e2e/support/test-cluster.ts): the real cluster that is there. A scenario's
 * objects are applied to it, and gone when it is down.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { podStatusPort } from '../../../src/agent/pod/pod-config.ts';
import type { KubeObject } from '../../../src/kube/meta.ts';
import type { Pod, Service } from '../../../src/kube/types.ts';
import type { LabOptions } from '../../e2e/support/lab.ts';
import { must, type Output, program, type RunOptions, run } from '../../e2e/support/tendril.ts';
import type { TestCluster } from '../../e2e/support/test-cluster.ts';
import { agentOn } from '../cluster/agents.ts';
import { kubectl, kubectlCommand } from '../cluster/control-plane.ts';
import { fabricNetns, kubeconfigPath, type NodeLayout, nodes } from '../cluster/layout.ts';
import { processesOf, wordsOnNode } from '../cluster/node.ts';
import { waitFor } from '../cluster/process.ts';
import { importStandIns } from '../cluster/stand-ins.ts';
import { openApiAccess } from './api-access.ts';
import { realNodeNames, realObjects, realWord, textOf, upOptions } from './objects.ts';
import { missing, readyPods } from './readiness.ts';
import { Remains } from './remains.ts';

const all = nodes();
/** The router that nodes are connected to: no node, and no pod. */
const outsideIps = { 4: '10.90.0.1', 6: 'fd90::1' } as const;
const readyMs = 180_000;

/** @throws Error where an option is a lab's alone, and where pods do not become ready */
export async function bringUpOnRealCluster(options: LabOptions): Promise<TestCluster> {
  const { manifest, args = [], env } = options;
  const { nodes: count, wait } = upOptions(args);
  if (env !== undefined) throw new Error('an environment of `up` is of labs alone');
  const names = realNodeNames.slice(0, count);
  const remains = new Remains();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => remains.remove());
  if (manifest !== undefined) await applyAll(realObjects(manifest));
  if (wait) await untilReady(remains.places());
  const owned = stack.move();
  const kubeconfig = lazily(async () => owned.use(await openApiAccess()).kubeconfig);
  const down = async () => {
    await owned.disposeAsync();
    await waitFor('a cluster that is well', 90, async () => (await tendril(['status'])).code === 0);
  };
  return {
    ...{ nodes: names, workers: names.filter((name) => !nodeOf(name).isControlPlane) },
    ...{ outsideIps, agentPort: podStatusPort, tendril, kubeconfig, down },
    exec: (where, ...command) => must(tendril(['exec', ...where, '--', ...command])),
    kubectl: (...words) => runWords(kubectlCommand(...words.map(realWord))),
    processes: (name) => processesOf(nodeOf(name)),
    agents: (...of) => (of.length > 0 ? of : names).flatMap((name) => agentOn(nodeOf(name))?.pid ?? []),
    [Symbol.asyncDispose]: down,
  };
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function nodeOf(name: string): NodeLayout {
  const node = all.find((one) => one.name === realWord(name));
  if (node === undefined) throw new Error(`there is no node ${name}`);
  return node;
}

const runWords = ([command, ...rest]: readonly string[], options?: RunOptions): Promise<Output> =>
  run(command!, rest, options);

/** By the kubeconfig, where the API server is reached; `exec` on a node or outside by this machine's own means. */
async function tendril(args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const dashes = args.indexOf('--');
  const end = dashes === -1 ? args.length : dashes;
  const [command = '', ...words] = [...args.slice(0, end).map(realWord), ...args.slice(end)];
  const place = command === 'exec' ? wordsAt(words, words.slice(words.indexOf('--') + 1)) : undefined;
  if (place !== undefined) return await runWords(place, options);
  const stdin = command === 'apply' ? applicable(options.stdin) : options.stdin;
  const netns = `--net=/run/netns/${all[0]!.netns}`;
  return await runWords(['nsenter', netns, program, command, '--kubeconfig', kubeconfigPath, ...words], {
    ...options,
    ...(stdin !== undefined && { stdin }),
  });
}

/** Undefined where the place is a pod. */
function wordsAt([option, name = '']: readonly string[], command: readonly string[]): string[] | undefined {
  if (option === '--outside') return ['nsenter', `--net=/run/netns/${fabricNetns}`, ...command];
  return option === '--node' ? wordsOnNode(nodeOf(name), ...command) : undefined;
}

function applicable(manifest: string | undefined): string | undefined {
  if (manifest === undefined) return undefined;
  const objects = realObjects(manifest);
  importStandIns(objects);
  return textOf(objects);
}

/** Namespaces first: pods can be made in one once it has its ServiceAccount. */
async function applyAll(objects: readonly KubeObject[]): Promise<void> {
  const made = objects.filter(({ kind }) => kind === 'Namespace');
  if (made.length > 0) await must(tendril(['apply', '-f', '-'], { stdin: textOf(made) }));
  for (const { metadata } of made)
    await waitFor(`the ServiceAccount of ${metadata.name}`, 30, () =>
      kubectl('get', 'serviceaccount', 'default', '-n', metadata.name),
    );
  await must(tendril(['apply', '-f', '-'], { stdin: textOf(objects) }));
}

const looked = 'deployments,statefulsets,daemonsets,pods,services,endpointslices';

/** Until pods are Ready and their Services in force on every node, as `up` waits. @throws Error naming what is missing */
async function untilReady(places: readonly string[]): Promise<void> {
  const deadline = performance.now() + readyMs;
  for (;;) {
    const { items } = JSON.parse(kubectl('get', looked, '-A', '-o', 'json')) as { items: KubeObject[] };
    const objects = items.filter(({ metadata }) => places.includes(metadata.namespace!));
    const left = missing(objects);
    if (left.length === 0) left.push(...(await notInForce(objects)));
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`not within ${readyMs / 1000} s:\n${left.join('\n')}`);
    await sleep(500);
  }
}

interface Listed {
  services: { frontend: string; backends: object[] }[];
}

async function notInForce(objects: readonly KubeObject[]): Promise<string[]> {
  const pods = objects.filter((object): object is Pod => object.kind === 'Pod');
  const wanted = objects
    .filter((object): object is Service => object.kind === 'Service')
    .flatMap((service) => {
      const ips = service.spec?.selector ? (service.spec.clusterIPs ?? []) : [];
      return ips.map((ip) => ({ ip, count: readyPods(service, pods).length }));
    })
    .filter(({ ip, count }) => ip !== 'None' && count > 0);
  if (wanted.length === 0) return [];
  const missingOn = async ({ name }: NodeLayout) => {
    const { services } = JSON.parse(
      await must(tendril(['service', 'list', '--node', name, '-o', 'json'])),
    ) as Listed;
    const counts = (ip: string) =>
      services.filter(({ frontend }) => frontend.startsWith(`${ip}|`)).map(({ backends }) => backends.length);
    return wanted
      .filter(({ ip, count }) => !counts(ip).includes(count))
      .map(({ ip, count }) => `${name}: ${ip} has not its ${count} backends`);
  };
  return (await Promise.all(all.map(missingOn))).flat();
}
