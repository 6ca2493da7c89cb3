/**
 * Of a kubelet's kubeconfig the API server's address, and nothing else of it, for the agent: that file lies among a
 * control plane's keys, or among the volumes of all pods, and only a container without rights that ends at once sees those.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { serverOf } from './api-servers.ts';

/**
 * Writes a kubeconfig that names the server; none where `from` is missing or names none, which is no error: the agent has
 * other ways to find the API server.
 * @returns what it did, for the container's log
 */
export async function copyKubeletServer(from: string, to: string): Promise<string> {
  if (!existsSync(from)) return `${from} is not there`;
  const server = await serverOf(readFileSync(from, 'utf8'));
  if (server === undefined) return `${from} names no API server`;
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(`${to}.new`, JSON.stringify({ clusters: [{ cluster: { server } }] }));
  renameSync(`${to}.new`, to);
  return `${from} names ${server}`;
}
