import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createNetns, deleteNetns, openNetns } from '../../linux/netns/netns.ts';
import { listenTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import { fetchAgentReport } from './agent-report.ts';
import { agentStatusPort } from './agents.ts';

let directory: string;
let netnsPath: string;
let server: Server | undefined;
let sockets: Socket[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-agent-report-'));
  netnsPath = join(directory, 'node');
  sockets = [];
  createNetns(netnsPath);
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
  deleteNetns(netnsPath);
  rmSync(directory, { recursive: true });
});

/** What stands in for an agent's status port. */
const agent = async (ip: string, answer: (socket: Socket) => void): Promise<void> => {
  using netns = openNetns(netnsPath);
  const fd = listenTcp(netns, { ip: parseIp(ip), port: agentStatusPort });
  server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    answer(socket);
  });
  server.listen({ fd });
  await once(server, 'listening');
};

const body = '{"services":{"synced":true,"services":3}}';
const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`;

test.each(['127.0.0.1', '::1'])('an agent at %s answers', async (ip) => {
  await agent(ip, (socket) => socket.end(head + body));
  expect(await fetchAgentReport(netnsPath, ip)).toMatchObject({ programmed: true, services: 3 });
});

test.each([
  ['says nothing, as one that is stopped', (_socket: Socket) => {}],
  ['stops amid its answer', (socket: Socket) => void socket.write(head + body.slice(0, 9))],
])('an agent that %s has two seconds', async (_, answer) => {
  await agent('127.0.0.1', answer);
  const from = performance.now();
  await expect(fetchAgentReport(netnsPath, '127.0.0.1')).rejects.toThrow('no answer within 2 s');
  expect(performance.now() - from).toBeLessThan(10_000);
});

test('an agent that is dead is told at once', async () => {
  await expect(fetchAgentReport(netnsPath, '127.0.0.1')).rejects.toThrow(/ECONNREFUSED|refused/);
});
