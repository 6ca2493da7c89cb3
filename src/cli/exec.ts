/** `tendril exec` */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';
import type { Pod } from '../kube/types.ts';
import type { ProcessSpec } from '../lab/launcher/launcher.ts';
import type { LabConfig, LabPaths } from '../lab/topology/lab-config.ts';
import { TendrilError } from '../util/errors.ts';
import { runRemotely } from './exec/remote.ts';
import { defineCommand } from './parser/command.ts';
import { containerOption, namespaceOption, nodeOption, sessionOptions } from './parser/common-options.ts';
import { isCluster } from './session/cluster-session.ts';
import { requireRoot } from './session/root.ts';
import { openSession } from './session/session.ts';
import { chooseContainer, findPod } from './session/workload.ts';

export const exec = defineCommand(
  {
    name: 'exec',
    summary:
      'Runs a command in a pod, or in a lab on a node or on the outside host. Its exit status is that of the command; 125: Tendril failed.',
    usage: [
      'exec POD|KIND/NAME [-n NAMESPACE] [-c CONTAINER] -- COMMAND…',
      'exec --node NODE -- COMMAND…',
      'exec --outside -- COMMAND…',
    ],
    options: {
      ...sessionOptions,
      container: containerOption,
      namespace: namespaceOption("where the pod is (default: the context's, or default)"),
      node: nodeOption("in the network of a lab's node"),
      outside: { type: 'boolean', help: 'on the outside host, which stands for the rest of the world' },
    },
    words: { min: 0, max: 1 },
    takesCommand: true,
    examples: [
      'tendril exec deploy/visitor -- sh',
      'tendril exec --outside -- curl -s http://node-1:30080/',
      'tendril exec --node node-1 -- ip route',
      'tendril exec --kubeconfig admin.conf web-0 -n shop -- sh',
    ],
    failureStatus: 125,
  },
  async ({ name, options, words, command }) => {
    const places = [words.length > 0, options.node !== undefined, options.outside].filter(Boolean).length;
    if (places !== 1) throw new TendrilError('USAGE', 'name one place: a pod, --node NODE, or --outside');
    if (command.length === 0) throw new TendrilError('USAGE', 'name the command to run after --');
    const place = options.outside ? 'outside' : options.node;
    if (!isCluster(options)) requireRoot('exec');
    else if (place !== undefined) throw noSuchPlace(options.node);
    using session = await openSession({ name, ...options });
    if (session.kind === 'lab' && place !== undefined) {
      const { config, paths } = session;
      if (options.node !== undefined) checkNode(config, options.node);
      return await enter(session, placeArguments(paths, place), withLabResolver(paths, command), 'inherit');
    }
    const namespace = options.namespace ?? session.namespace;
    const pod = await findPod(session, words[0]!, namespace);
    const container = chooseContainer(pod, options.container);
    if (session.kind === 'cluster')
      return await runRemotely(session.api, { namespace, pod: pod.metadata.name, container }, command);
    return await enter(session, containerArguments(session.paths, pod, container), command, containerStdio());
  },
);

function noSuchPlace(node: string | undefined): TendrilError {
  const [what, remedy] =
    node === undefined
      ? ['--outside is of a lab: a cluster has no outside host', 'Run the command from here.']
      : [
          '--node is of a lab: a cluster has its nodes entered by a pod',
          `Try: kubectl debug node/${node} -it --image=…`,
        ];
  return new TendrilError('USAGE', what!, { remedy });
}

function checkNode(config: LabConfig, node: string): void {
  const names = config.nodes.map(({ name }) => name);
  if (!names.includes(node))
    throw new TendrilError('BAD_INPUT', `there is no node "${node}"; there are ${names.join(', ')}`);
}

/** By the record that the kubelet keeps of each container. */
function containerArguments(paths: LabPaths, pod: Pod, container: string): string[] {
  const { pods } = paths.node(pod.spec?.nodeName ?? '');
  const file = join(pods, pod.metadata.uid, 'containers', container, 'container.json');
  const running = pod.status?.containerStatuses?.some(
    ({ name, state }) => name === container && state?.running,
  );
  if (!running || !existsSync(file))
    throw new TendrilError('BAD_INPUT', `container ${container} of pod ${pod.metadata.name} is not running`);
  const record = JSON.parse(readFileSync(file, 'utf8')) as ProcessSpec & { pid: number };
  if (!isIn(record.pid, record.cgroup))
    throw new TendrilError('BAD_INPUT', `container ${container} of pod ${pod.metadata.name} has just ended`);
  const more = (record.cgroups1 ?? []).flatMap((path) => ['--cgroup1', path]);
  return ['--pid', String(record.pid), '--cgroup', record.cgroup, ...more];
}

/** False where the process is gone, or its number is another's by now. */
function isIn(pid: number, cgroup: string): boolean {
  try {
    const own = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
    return own !== undefined && cgroup.endsWith(own);
  } catch {
    return false;
  }
}

/** On a node and outside: the namespace and cgroup, so that Services are translated as for any process there. */
function placeArguments(paths: LabPaths, place: string): string[] {
  return ['--netns', paths.netns(place), '--cgroup', join(paths.cgroup, place, 'host')];
}

/** The machine's resolver means nothing in a lab: the command sees the lab's, in a mount namespace of its own. */
function withLabResolver(paths: LabPaths, command: readonly string[]): string[] {
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    join(paths.root, 'etc', 'resolv.conf'),
    ...command,
  ];
}

/** When nothing has come for so long, what keeps the output open is a child that outlives the command. */
const quietMs = 500;

/**
 * A container gets no descriptor of the caller's, for who has one can open the file behind it anew (/proc/self/fd), as
 * it likes, or read what is typed later: output and input are relayed, a terminal by the launcher. On a node and
 * outside it is the caller's own command.
 */
const containerStdio = () => (isatty(0) && isatty(1) ? 'inherit' : 'pipe');

function relay(child: ChildProcess): void {
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  if (child.stdin === null) return;
  // It may end before it has read all.
  child.stdin.on('error', () => {});
  process.stdin.on('error', () => child.stdin?.end());
  process.stdin.pipe(child.stdin);
}

/** The child's exit status, once its output is here. */
async function ended(child: ChildProcess): Promise<number> {
  const closed = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  const outputs = [child.stdout, child.stderr].filter((stream) => stream !== null);
  await Promise.race([closed, quiet(outputs)]);
  for (const stream of outputs) stream.destroy();
  if (child.stdin !== null) process.stdin.destroy();
  return code ?? 128 + constants.signals[signal!];
}

/** Resolves when nothing comes any more, a reader that is slow aside. */
function quiet(outputs: readonly Readable[]): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => (outputs.some((stream) => stream.isPaused()) ? wait() : resolve()), quietMs);
      timer.unref();
    };
    for (const stream of outputs) stream.on('data', wait);
    wait();
  });
}

/** Runs the command there; resolves with its exit status. */
function enter(
  lab: { config: LabConfig },
  target: readonly string[],
  command: readonly string[],
  stdio: 'inherit' | 'pipe',
): Promise<number> {
  const launcher = join(lab.config.program, 'dist', 'native', 'launcher');
  return new Promise((resolve, reject) => {
    const child = spawn(launcher, ['enter', ...target, '--', ...command], {
      stdio,
    });
    relay(child);
    // The terminal's Ctrl-C goes to the command; this process lives on to report its status.
    const ignore = () => {};
    process.on('SIGINT', ignore).on('SIGQUIT', ignore);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', (cause) =>
      reject(
        new TendrilError('TOOL_FAILED', `${launcher} cannot be run`, { cause, remedy: 'Build first: make' }),
      ),
    );
    ended(child).then(resolve, () => {});
  });
}
