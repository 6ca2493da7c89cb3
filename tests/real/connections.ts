/** Connections of pods that are to outlive what befalls the cluster: asked again and again over the one socket. */
import { readFileSync } from 'node:fs';
import { fromNode, type Server } from './application.ts';
import type { NodeLayout } from './cluster/layout.ts';
import { startOnNode } from './cluster/node.ts';
import { logPath, stop, waitFor } from './cluster/process.ts';

const agentPort = 9879;

/** What an agent tells its own node of itself. */
export interface AgentStatus {
  ready: boolean;
  pods: { containerId: string; ips: string[]; confirmed: boolean; note: Record<string, string> }[];
  ipam: { cidr: string; used: number }[];
}

export function agentStatus(node: NodeLayout): AgentStatus {
  return JSON.parse(fromNode(node, `http://${node.ipv4}:${agentPort}/status`));
}

/** Asks for the server's name as soon as it was told it, and a little later; ends with the connection. */
const client = `
const [host, port] = process.argv.slice(1);
const socket = require('net').connect({ host, port: Number(port) });
const ask = () => socket.write('GET /hostname HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n');
const fail = (why) => { console.log('broken: ' + why); process.exit(1); };
socket.setTimeout(10_000, () => fail('no answer within 10 s'));
socket.on('connect', ask).on('error', ({ message }) => fail(message)).on('end', () => fail('closed'));
socket.on('data', (text) => { if (String(text).includes('200 OK')) { console.log('answered'); setTimeout(ask, 250); } });
`;

export interface Connection {
  /** How often it was answered so far. @throws Error once the connection is broken */
  answers(): number;
  close(): Promise<void>;
}

let connections = 0;

/** In a pod's network namespace, among the node's processes: as the pod's own would be. */
export async function connectFromPod(
  node: NodeLayout,
  { ips }: Server,
  host: string,
  port: number,
): Promise<Connection> {
  const pod = agentStatus(node).pods.find((each) => each.ips.some((ip) => ips.includes(ip)));
  const name = `connection-${process.pid}-${++connections}`;
  startOnNode(node, name, [
    ...['nsenter', `--net=${pod!.note.netns}`, process.execPath, '-e', client],
    ...[host, String(port)],
  ]);
  const log = `${node.name}-${name}`;
  const answers = () => {
    const text = readFileSync(logPath(log), 'utf8');
    const broken = /broken: .*/.exec(text);
    if (broken !== null) throw new Error(`${host}:${port} from ${node.name}: ${broken[0]}`);
    return text.split('answered').length - 1;
  };
  await waitFor(`an answer of ${host}:${port} on ${node.name}`, 20, () => answers() > 0);
  return { answers, close: () => stop(log) };
}

/** Each goes on being answered, over the socket that it has had from the start. */
export async function stillAnswered(all: readonly Connection[]): Promise<void> {
  const before = all.map((each) => each.answers());
  await waitFor('answers over connections that were there', 20, () =>
    all.every((each, i) => each.answers() > before[i]! + 1),
  );
}
