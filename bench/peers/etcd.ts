/** Debian's etcd, unpacked without being installed: a server of its own on 127.0.0.1, with a new directory. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const directory = join(import.meta.dirname, '../../.cache/etcd');
const program = join(directory, 'usr/bin/etcd');
const startsWithinMs = 20_000;

export interface Etcd extends AsyncDisposable {
  version: string;
  url: string;
}

/** @throws Error where apt cannot fetch it, or it does not start */
export async function startEtcd(): Promise<Etcd> {
  unpack();
  const version = /etcd Version: (\S+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))![1]!;
  const data = mkdtempSync(join(tmpdir(), 'tendril-etcd-'));
  const [url, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const urls = ['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peerUrl];
  const child = spawn(program, ['--data-dir', data, ...urls], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await untilHealthy(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { version, url, [Symbol.asyncDispose]: stop };
}

function unpack(): void {
  if (existsSync(program)) return;
  mkdirSync(directory, { recursive: true });
  execFileSync('apt-get', ['download', '-qq', 'etcd-server'], { cwd: directory, stdio: 'pipe' });
  const archive = readdirSync(directory).find((file) => file.endsWith('.deb'))!;
  execFileSync('dpkg', ['-x', join(directory, archive), directory]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function untilHealthy(url: string): Promise<void> {
  const end = performance.now() + startsWithinMs;
  while (performance.now() < end) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error(`etcd is not healthy within ${startsWithinMs / 1000} s`);
}
