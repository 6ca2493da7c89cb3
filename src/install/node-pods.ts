/**
 * Runs a node task on nodes: a short-lived pod on each, its log read as the report, the pod deleted whatever happens. What
 * keeps a pod from running is told with the node's name. Who is ended before that leaves pods that end themselves.
 */
import { randomBytes } from 'node:crypto';
import type { DeployValues } from '../deploy/values.ts';
import { isNotFound } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { resourcePath, resources } from '../kube/resources.ts';
import type { KubeEvent, Pod } from '../kube/types.ts';
import { type NodeTaskName, nodeTask } from '../node-tasks/catalogue.ts';
import { decodeOutcome, errorOf } from '../node-tasks/outcome.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { describeError, remedyOf, TendrilError } from '../util/errors.ts';
import { nodePod, nodePodNamespace, nodePodSelector, progressOf } from './node-pod.ts';
import { poll } from './poll.ts';

export interface NodeTaskRun {
  task: NodeTaskName;
  nodes: readonly string[];
  values: Pick<DeployValues, 'image' | 'cgroup' | 'imagePullSecrets'>;
  /** The same for every node, or one for each. */
  input?: unknown | ((node: string) => unknown);
  /** For one node, its image's pull included; three minutes unless given. */
  timeoutMs?: number;
  /** Nodes at a time; ten unless given. */
  parallel?: number;
  signal?: AbortSignal;
  clock?: Clock;
  onNode?: (node: string, result: NodeTaskResult) => void;
}

export type NodeTaskResult<Report = unknown> =
  | { node: string; report: Report }
  | { node: string; error: unknown };

/**
 * One result for each node, in their order: a node that fails keeps no other from its task.
 * @throws TendrilError CANCELLED
 */
export async function runNodeTask<Report>(
  client: KubeClient,
  run: NodeTaskRun,
): Promise<NodeTaskResult<Report>[]> {
  await removeEnded(client);
  const results = new Map<string, NodeTaskResult<Report>>();
  const waiting = [...run.nodes];
  const worker = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      const result = await runOnNode<Report>(client, run, node);
      results.set(node, result);
      run.onNode?.(node, result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(run.parallel ?? 10, run.nodes.length) }, worker));
  if (run.signal?.aborted) throw new TendrilError('CANCELLED', 'cancelled', { cause: run.signal.reason });
  return run.nodes.map((node) => results.get(node)!);
}

/** The reports by node. @throws TendrilError with every node's failure, where there is one */
export function requireReports<Report>(results: readonly NodeTaskResult<Report>[]): Map<string, Report> {
  const failures = results.flatMap((result) => ('error' in result ? [result.error] : []));
  if (failures.length === 0)
    return new Map(results.map((result) => [result.node, (result as { report: Report }).report]));
  const first = failures[0];
  const remedy = failures.map(remedyOf).find((each) => each !== undefined);
  throw new TendrilError(
    first instanceof TendrilError ? first.code : 'INTERNAL',
    failures.map(describeError).join('\n  '),
    { cause: failures.length === 1 ? first : undefined, ...(remedy !== undefined && { remedy }) },
  );
}

async function runOnNode<Report>(
  client: KubeClient,
  run: NodeTaskRun,
  node: string,
): Promise<NodeTaskResult<Report>> {
  const { task, values, timeoutMs = 180_000, clock = systemClock, signal } = run;
  const name = `tendril-${task}-${randomBytes(5).toString('hex')}`;
  const key = { namespace: nodePodNamespace, name };
  try {
    signal?.throwIfAborted();
    const input = (typeof run.input === 'function' ? run.input(node) : run.input) ?? {};
    const { access } = nodeTask(task);
    const deadlineSeconds = Math.ceil(timeoutMs / 1000) + 30;
    const pod = nodePod({ name, node, values, task, access, input, deadlineSeconds });
    await client.create(resources.pods, pod);
    await untilEnded(client, { key, node, timeoutMs, clock, signal });
    const path = resourcePath(resources.pods, { ...key, subresource: 'log' });
    const outcome = decodeOutcome(String(await client.request('GET', path)));
    if (outcome === undefined) throw await withoutReport(client, { key, node, task });
    if ('error' in outcome) throw errorOf(node, outcome);
    return { node, report: outcome.report as Report };
  } catch (error) {
    return { node, error };
  } finally {
    await client.delete(resources.pods, key, { gracePeriodSeconds: 0 }).catch(() => {});
  }
}

interface Awaited {
  key: { namespace: string; name: string };
  node: string;
  timeoutMs: number;
  clock: Clock;
  signal: AbortSignal | undefined;
}

async function untilEnded(client: KubeClient, awaited: Awaited): Promise<void> {
  const { key, node, timeoutMs } = awaited;
  let reason = 'the API server does not answer';
  const ended = await poll(awaited, async () => {
    const pod: Pod = await client.get(resources.pods, key);
    const pending = pod.status?.phase === undefined || pod.status.phase === 'Pending';
    const progress = progressOf(pod, pending ? await eventsOf(client, key) : []);
    if (progress.state === 'refused')
      throw new TendrilError('NOT_READY', `${node}: the task's pod does not run: ${progress.reason}`, {
        remedy: progress.remedy,
      });
    if (progress.state === 'waiting') reason = progress.reason;
    return progress.state === 'ended' ? true : undefined;
  });
  if (ended) return;
  throw new TendrilError('NOT_READY', `${node}: no report within ${timeoutMs / 1000} s: ${reason}`, {
    remedy: `Look at the node: kubectl describe node ${node}; its kubelet and container runtime.`,
  });
}

async function eventsOf(client: KubeClient, { namespace, name }: Awaited['key']): Promise<KubeEvent[]> {
  const fieldSelector = `involvedObject.name=${name}`;
  const { items } = await client.list(resources.events, { namespace, fieldSelector });
  return items;
}

async function withoutReport(
  client: KubeClient,
  { key, node, task }: { key: Awaited['key']; node: string; task: string },
): Promise<TendrilError> {
  const pod = await client.get(resources.pods, key);
  const { exitCode, reason, message } = pod.status?.containerStatuses?.[0]?.state?.terminated ?? {};
  const told = [`exit status ${exitCode}`, reason, message].filter(Boolean).join(', ');
  return new TendrilError('TOOL_FAILED', `${node}: the task ${task} ended without a report: ${told}`, {
    remedy: 'The image may be of another version of Tendril than this command: see --set image=….',
  });
}

/** Those of an earlier command that was ended before it could. */
async function removeEnded(client: KubeClient): Promise<void> {
  const scope = { namespace: nodePodNamespace, labelSelector: nodePodSelector };
  const { items } = await client.list(resources.pods, scope);
  for (const { metadata, status } of items) {
    if (!['Succeeded', 'Failed'].includes(status?.phase ?? '')) continue;
    await client.delete(resources.pods, metadata, { gracePeriodSeconds: 0 }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
