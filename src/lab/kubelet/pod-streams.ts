/**
 * What exec, attach and port-forward find in a pod, as kubelet and containerd have it: their errors' texts, which
 * address is connected to, and what the end of an attached client's input does. Each function first says whether the
 * pod has what is asked for, and gives what begins it.
 */
import { stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { PassThrough, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Pod } from '../../kube/types.ts';
import { errno, isErrno } from '../../linux/errno.ts';
import { describeError, TendrilError } from '../../util/errors.ts';
import type { ProcessInput, Session, SessionSpec } from '../launcher/launcher.ts';
import { readLog } from './container-logs.ts';
import type { LogStream } from './log-text.ts';
import type { NodeContext } from './node-context.ts';
import { podPaths } from './pod-directory.ts';
import { type ContainerRecord, isAlive, type PodRecord } from './pod-record.ts';

/** A pod that this node runs. */
export interface RunningPod {
  pod: Pod;
  record: PodRecord;
  context: NodeContext;
}

const dialTimeoutMs = 30_000;

const fullName = ({ metadata }: Pod) => `${metadata.name}_${metadata.namespace}`;

function runningContainer({ record }: RunningPod, name: string): ContainerRecord | undefined {
  const isRunning = ({ state }: ContainerRecord) => state === 'running' || state === 'stopping';
  return record.containers.find((container) => container.name === name && isRunning(container));
}

/** @throws TendrilError BAD_INPUT */
export function execIn(at: RunningPod, name: string, spec: SessionSpec): () => Promise<Session> {
  const container = runningContainer(at, name);
  if (container === undefined)
    throw new TendrilError('BAD_INPUT', `container not found (${JSON.stringify(name)})`);
  return () => at.context.launcher.session(container.id!, spec);
}

/**
 * What the container writes from now on, and its input where it has one.
 * @throws TendrilError BAD_INPUT
 */
export function attachTo(at: RunningPod, name: string): () => Promise<Session> {
  const container = runningContainer(at, name);
  if (container === undefined)
    throw new TendrilError('BAD_INPUT', `container ${name} not found in pod ${fullName(at.pod)}`);
  return async () => {
    const { restartCount: attempt, spec, id } = container;
    const path = `${podPaths(at.context.paths, at.pod.metadata.uid).logs(name)}/${attempt}.log`;
    const { size: from } = await stat(path);
    const ended = () => container.restartCount !== attempt || !isAlive(container);
    const written = (stream: LogStream) => readLog(path, { follow: true, from, stream }, ended);
    const input = spec.stdin ? at.context.launcher.input(id!) : undefined;
    const outputs = spec.tty ? [written('stdout')] : [written('stdout'), written('stderr')];
    return attachment(outputs, input, { endsInput: (spec.stdinOnce && !spec.tty) ?? false });
  };
}

const none = () => Readable.from([]);

/** A client's end of input is the container's where that is to be had once, and has no terminal; else the client leaves. */
function attachment(
  logs: readonly Readable[],
  input: ProcessInput | undefined,
  { endsInput }: { endsInput: boolean },
): Session {
  const outputs = logs.map((log) => log.pipe(new PassThrough()));
  const [stdout = none(), stderr = none()] = outputs;
  const leave = () => {
    if (endsInput) input?.stdin.end();
    else input?.stdin.destroy();
    for (const log of logs) log.destroy();
    for (const output of outputs) output.end();
  };
  for (const log of logs) log.on('error', leave);
  const stdin = new Writable({
    write(data: Buffer, _encoding, done) {
      if (input === undefined) done();
      else input.stdin.write(data, done);
    },
    final(done) {
      if (endsInput) input?.stdin.end();
      else if (input !== undefined) leave();
      done();
    },
  });
  return {
    stdin,
    stdout,
    stderr,
    resize: (size) => input?.resize(size),
    exited: Promise.all(outputs.map((output) => finished(output, { readable: false }))).then(() => 0),
    close: leave,
  };
}

/** As Go words it. */
function dialText(network: string, at: string, error: unknown): string {
  const said = isErrno(error, errno.ECONNREFUSED) ? 'connection refused' : describeError(error);
  return `dial ${network} ${at}: connect: ${said}`;
}

/**
 * A connection to the pod's own loopback address, IPv4 first: what listens there alone is reached too.
 * @throws TendrilError BAD_INPUT
 */
export function forwardTo({ pod, record, context }: RunningPod): (port: number) => Promise<Socket> {
  if (record.sandbox !== 'ready' || !record.containers.some(isAlive))
    throw new TendrilError('BAD_INPUT', `pod not found (${JSON.stringify(fullName(pod))})`);
  const { uid } = pod.metadata;
  const netns = pod.spec?.hostNetwork ? context.paths.netns : podPaths(context.paths, uid).netns;
  const dial = (ip: string, port: number) =>
    context.host.connect(netns, { ip, port, timeoutMs: dialTimeoutMs });
  const failure = (port: number, [error4, error6]: readonly unknown[]) => {
    const dials = `IPv4: ${dialText('tcp4', `127.0.0.1:${port}`, error4)} IPv6 ${dialText('tcp6', `[::1]:${port}`, error6)}`;
    const inside = `failed to connect to localhost:${port} inside namespace "${uid}", ${dials}`;
    return new Error(
      `error forwarding port ${port} to pod ${uid}, uid : failed to execute portforward in network namespace "${netns}": ${inside}`,
    );
  };
  return (port) =>
    dial('127.0.0.1', port).catch((error4: unknown) =>
      dial('::1', port).catch((error6: unknown) => {
        throw failure(port, [error4, error6]);
      }),
    );
}
