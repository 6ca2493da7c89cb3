/** The real cluster's API server for processes of this machine, which have no way to it: by a port of the loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiServer, kubeconfigPath, nodes } from '../cluster/layout.ts';

export interface ApiAccess extends Disposable {
  kubeconfig: string;
}

/** Its certificate is of 127.0.0.1, too. */
export async function openApiAccess(): Promise<ApiAccess> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-real-api-'));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    connect(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(directory, 'kubeconfig');
  const text = readFileSync(kubeconfigPath, 'utf8').replaceAll(apiServer, `https://127.0.0.1:${port}`);
  writeFileSync(kubeconfig, text, { mode: 0o600 });
  return {
    kubeconfig,
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(directory, { recursive: true });
    },
  };
}

function connect(socket: Socket): void {
  const { host } = new URL(apiServer);
  const netns = `--net=/run/netns/${nodes()[0]!.netns}`;
  const child = spawn('nsenter', [netns, 'socat', '-', `TCP:${host}`], { stdio: ['pipe', 'pipe', 'ignore'] });
  const end = () => {
    child.kill();
    socket.destroy();
  };
  for (const stream of [socket, child.stdin, child.stdout]) stream.on('error', end);
  child.on('close', () => socket.destroy());
  socket.on('close', () => child.kill());
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
}
