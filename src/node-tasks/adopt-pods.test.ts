import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { adoptPods } from './adopt-pods.ts';
import { restoreConflists } from './restore-conflists.ts';

let host: string;
let agent: Server;
let status: object;

beforeEach(async () => {
  host = mkdtempSync(join(tmpdir(), 'tendril-adopt-'));
  mkdirSync(join(host, 'etc/cni/net.d'), { recursive: true });
  for (const name of ['05-tendril.conflist', '10-usual.conflist'])
    writeFileSync(join(host, 'etc/cni/net.d', name), '{}');
  agent = createServer((_, response) => response.end(JSON.stringify(status)));
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  agent.close();
  rmSync(host, { recursive: true });
});

const statusPort = () => (agent.address() as AddressInfo).port;
const conflists = () => readdirSync(join(host, 'etc/cni/net.d')).sort();
const old = { namespace: 'shop', pod: 'web', containerId: 'c', ips: ['10.244.1.7'] };

it('puts other configurations aside and tells of the old pods, with what is in their way', async () => {
  const cut = { containerId: 'd', ips: ['10.244.1.8'], problem: 'its namespace is not known' };
  status = { ready: true, formerNetwork: { pods: [old, cut], bridges: ['cni0'] } };
  expect(await adoptPods({ statusPort: statusPort() }, { host })).toEqual({
    conflists: { aside: ['10-usual.conflist'] },
    pods: [old, cut],
    problems: ['d: its namespace is not known'],
  });
  expect(conflists()).toEqual(['05-tendril.conflist', '10-usual.conflist.tendril-aside']);
  expect(await restoreConflists({}, { host })).toEqual({ restored: ['10-usual.conflist'] });
  expect(conflists()).toEqual(['05-tendril.conflist', '10-usual.conflist']);
});

it('changes nothing when that is asked for, nor before the agent serves', async () => {
  status = { ready: true };
  expect(await adoptPods({ statusPort: statusPort(), keepConflists: true }, { host })).toMatchObject({
    pods: [],
  });
  status = { ready: false, notReady: 'it waits for nodes' };
  await expect(adoptPods({ statusPort: statusPort() }, { host })).rejects.toMatchObject({
    code: 'NOT_READY',
  });
  const port = statusPort();
  await new Promise((resolve) => agent.close(resolve));
  await expect(adoptPods({ statusPort: port }, { host })).rejects.toThrow('the agent does not answer');
  expect(conflists()).toEqual(['05-tendril.conflist', '10-usual.conflist']);
});
