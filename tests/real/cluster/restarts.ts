/** What befalls nodes and control planes: programs that end and come back, power cuts, an API server that is away. */
import { readFileSync } from 'node:fs';
import { kubectl, startApiServer } from './control-plane.ts';
import { renewNetwork } from './fabric.ts';
import { type NodeLayout, nodes } from './layout.ts';
import { bootNode, startContainerd, startKubelet, startOnNode } from './node.ts';
import { endProcesses, processesOn, removeCgroups } from './node-end.ts';
import { end, forget, isRunning, stop, waitFor } from './process.ts';

export async function restartKubelet(node: NodeLayout): Promise<void> {
  await stop(`${node.name}-kubelet`);
  startKubelet(node);
}

/** What it started goes on, as its shims do. */
export async function restartContainerd(node: NodeLayout): Promise<void> {
  await stop(`${node.name}-containerd`);
  await startContainerd(node);
}

/** All that runs ends at once, with no warning; the disk stays. */
export async function cutPower(node: NodeLayout): Promise<void> {
  await endProcesses([node]);
  for (const name of ['kubelet', 'containerd', 'holder']) forget(`${node.name}-${name}`);
  await removeCgroups([node], { keepTop: true });
  renewNetwork(node);
}

/** Up to where the kubelet begins: what it needs may take longer. */
export async function powerOn(node: NodeLayout): Promise<void> {
  await bootNode(node);
  await startContainerd(node);
  startKubelet(node);
}

export const stopApiServer = (): Promise<void> => stop('kube-apiserver');

/** While the API server is away; it is back afterwards, whatever happens. */
export async function withoutApi(work: () => Promise<void>): Promise<void> {
  await stopApiServer();
  try {
    await work();
  } finally {
    await startApiServer();
  }
}

/** Kills the agent's process: its container is the kubelet's to start again. */
export async function killAgent(node: NodeLayout): Promise<void> {
  const pids = agentsOn(node);
  if (pids.length === 0) throw new Error(`no agent runs on ${node.name}`);
  for (const pid of pids) end(pid, 'SIGKILL');
  await waitFor(`the end of ${node.name}'s agent`, 10, () => !pids.some(isRunning));
}

export function agentsOn(node: NodeLayout): number[] {
  return processesOn([node]).filter((pid) => wordsOf(pid).join(' ').includes('agent --pod'));
}

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Of the Node object; none where there is no such Node, or it was given none yet. */
export function podCidrsOf({ name }: NodeLayout): string[] {
  const text = kubectl('get', 'node', name, '--ignore-not-found', '-o', 'jsonpath={.spec.podCIDRs}');
  return text.trim() === '' ? [] : JSON.parse(text);
}

/** What runs on every node is ready on every node. */
export async function settled(seconds = 180): Promise<void> {
  const rollouts = [
    ['tendril-system', 'tendril-agent'],
    ['kube-system', 'tendril-dns'],
  ] as const;
  await waitFor('agents and cluster DNS', seconds, () =>
    rollouts.every(([namespace, name]) => {
      const { status } = JSON.parse(kubectl('-n', namespace, 'get', 'daemonset', name, '-o', 'json'));
      return status.numberReady === status.desiredNumberScheduled && status.desiredNumberScheduled > 0;
    }),
  );
}

/** Passes on to the API server, until it ends. */
const proxy = `
const net = require('net');
net.createServer((client) => {
  const server = net.connect(6443, '127.0.0.1');
  const end = () => { client.destroy(); server.destroy(); };
  client.on('error', end).on('close', end).pipe(server).on('error', end).on('close', end).pipe(client);
}).listen(6444, () => console.log('listening'));
`;

export interface ApiProxy {
  /** Its address; that of the API server itself is another. */
  server: string;
  stop: () => Promise<void>;
}

export async function withApiProxy(work: (proxy: ApiProxy) => Promise<void>): Promise<void> {
  const [node] = nodes() as [NodeLayout];
  const name = `${node.name}-api-proxy`;
  startOnNode(node, 'api-proxy', [process.execPath, '-e', proxy]);
  const server = `https://${node.ipv4}:6444`;
  try {
    await waitFor('the proxy', 20, () => kubectl('--server', server, 'get', '--raw', '/readyz'));
    await work({ server, stop: () => stop(name) });
  } finally {
    await stop(name);
  }
}

/** With new agents that have these settings; afterwards others have those of before. */
export async function withAgentSettings(settings: object, work: () => Promise<void>): Promise<void> {
  const map = ['-n', 'tendril-system', 'configmap', 'tendril-agent'];
  const before = kubectl('get', ...map, '-o', 'jsonpath={.data.agent\\.json}');
  const set = async (text: string) => {
    const patch = JSON.stringify({ data: { 'agent.json': text } });
    kubectl('patch', ...map, '--type=merge', '-p', patch);
    kubectl('-n', 'tendril-system', 'delete', 'pods', '--all', '--wait');
    await settled();
  };
  try {
    await set(JSON.stringify({ ...JSON.parse(before), ...settings }));
    await work();
  } finally {
    await set(before);
  }
}
