/** What an agent in a pod does until it knows its node, and without the API; over HTTP, of a fake API server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { apiError } from '../../kube/client/fake-rules.ts';
import { startFakeServer } from '../../kube/client/fake-server.ts';
import { createHttpClient } from '../../kube/client/http-client.ts';
import { resources } from '../../kube/resources.ts';
import type { Node } from '../../kube/types.ts';
import type { Address, Link } from '../../linux/netlink/route-netlink.ts';
import { parseIp } from '../../net/ip.ts';
import { systemClock } from '../../util/clock.ts';
import { createLogger } from '../../util/logger.ts';
import { type StatusServer, type StatusSources, startStatusServer } from '../status-server.ts';
import { type LearningOptions, type Lesson, learn, type Machine } from './learning.ts';
import { recall } from './memory.ts';

const cleanups: (() => unknown)[] = [];
let directory: string;
let memory: string;
let api: FakeClient;
let logged: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-learning-'));
  memory = join(directory, 'agent.json');
  cleanups.push(() => rmSync(directory, { recursive: true }));
  api = new FakeClient();
  logged = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const link = (index: number, name: string) => ({ index, name }) as Link;
const address = (on: number, ip: string): Address => ({ link: on, ip: parseIp(ip), prefix: 24 });

function makeNode(): void {
  api.seed(resources.nodes, {
    metadata: { name: 'n1' },
    status: { addresses: [{ type: 'InternalIP', address: '10.90.0.11' }] },
  } as Node);
}

/** As the API server makes it with others beside it. */
function makeServiceCidrs(): void {
  const seed = (name: string, cidrs: string[]) =>
    api.seed(resources.serviceCidrs, { metadata: { name }, spec: { cidrs } });
  seed('another', ['10.97.0.0/16']);
  seed('kubernetes', ['10.96.0.0/16', 'fd96::/112']);
}

/** The API with this node in it, at a port of its own. */
async function startApi() {
  const server = await startFakeServer(api);
  cleanups.push(() => server.server.listening && server.close());
  return server;
}

/** An address at which nobody answers. */
const nobody = 'http://127.0.0.1:1';

/** Whose kubelet knows one API server, asked with every try. */
function machineOf(servers: readonly string[]): Machine {
  return {
    kubeletServer: async () => servers[0],
    environment: {},
    interfaces: () => ({
      links: [link(1, 'lo'), link(7, 'ens3')],
      addresses: [address(1, '127.0.0.1'), address(7, '10.90.0.11')],
    }),
    cgroup: () => '/sys/fs/cgroup',
  };
}

interface Running {
  lesson: Promise<Lesson>;
  probe: (path: string) => Promise<[number, string]>;
  /** The time before the next try is over. */
  retry: () => void;
}

function start(servers: string[], changes: Partial<LearningOptions> = {}): Running {
  let status: StatusServer | undefined;
  let wake = () => {};
  const lesson = learn({
    ...{ nodeName: 'n1', settings: {}, memory, objectsDirectory: '/opt/tendril/dist/bpf' },
    machine: machineOf(servers),
    connect: (server) => createHttpClient({ server }, { requestTimeoutMs: 5000 }),
    startStatus: async (sources: StatusSources) => {
      status = await startStatusServer(0, sources);
      return status;
    },
    logger: createLogger({ write: (line) => logged.push(JSON.parse(line).msg) }),
    clock: {
      ...systemClock,
      sleep: () =>
        new Promise((resolve) => {
          wake = resolve;
        }),
    },
    ...changes,
  });
  const probe = async (path: string): Promise<[number, string]> => {
    await vi.waitFor(() => expect(status).toBeDefined());
    const response = await fetch(`http://127.0.0.1:${status!.port}${path}`);
    return [response.status, (await response.text()).trim()];
  };
  return { lesson, probe, retry: () => wake() };
}

test('the first API server that answers is learned from, and the others go along', async () => {
  makeNode();
  makeServiceCidrs();
  const { url } = await startApi();
  const settings = { apiServers: [nobody, url], healthzPort: 1234 };
  const { config, server } = await start([], { settings }).lesson;
  expect(server).toBe(url);
  expect(config).toMatchObject({
    ...{ nodeName: 'n1', uplink: 'ens3', healthzPort: 1234, apiServers: [nobody] },
    serviceCidrs: ['10.96.0.0/16', 'fd96::/112'],
  });
});

test('with the API away at the first start it answers probes, says why, and goes on once the API is there', async () => {
  makeNode();
  makeServiceCidrs();
  const servers = [nobody];
  const { lesson, probe, retry } = start(servers);
  const away = `no API server answers: ${nobody}`;
  await vi.waitFor(async () => expect(await probe('/readyz')).toEqual([503, expect.stringContaining(away)]));
  expect(await probe('/healthz')).toEqual([200, 'ok']);
  servers[0] = (await startApi()).url;
  retry();
  expect((await lesson).config.uplink).toBe('ens3');
  await expect(probe('/healthz')).rejects.toThrow();
});

test('what it waits for is told once, and again when it is something else', async () => {
  const { url } = await startApi();
  const { lesson, probe, retry } = start([url]);
  const isTold = (reason: string) =>
    vi.waitFor(async () => expect(await probe('/readyz')).toEqual([503, expect.stringContaining(reason)]));
  await isTold('nodes "n1" not found');
  retry();
  makeNode();
  await vi.waitFor(async () => {
    retry();
    expect((await probe('/readyz'))[1]).toContain('does not tell its Service CIDRs');
  });
  expect(logged).toEqual(Array(2).fill('cannot learn what this node is in the cluster'));
  makeServiceCidrs();
  await vi.waitFor(() => {
    retry();
    expect(logged.at(-1)).toBe('learned what this node is in the cluster');
  });
  await lesson;
});

test('a cluster from before there were ServiceCIDRs has those of the settings', async () => {
  makeNode();
  api.intercept = ({ type }) => {
    if (type === resources.serviceCidrs) throw apiError(404, 'NotFound', 'no such resource');
  };
  const settings = { serviceCidrs: ['10.0.0.0/16'] };
  const { config } = await start([(await startApi()).url], { settings }).lesson;
  expect(config.serviceCidrs).toEqual(['10.0.0.0/16']);
});

async function learnOnceAndLose(): Promise<string> {
  makeNode();
  makeServiceCidrs();
  const server = await startApi();
  await start([server.url]).lesson;
  await server.close();
  logged.length = 0;
  return server.url;
}

test('without the API it starts with what it remembers, looking anew at this machine and the settings', async () => {
  const url = await learnOnceAndLose();
  const interfaces = () => ({ links: [link(3, 'enp1s0')], addresses: [address(3, '10.90.0.11')] });
  const machine = { ...machineOf([nobody]), interfaces };
  const { config, server } = await start([], { machine, settings: { healthzPort: 1234 } }).lesson;
  expect(server).toBe(url);
  expect(config).toMatchObject({
    ...{ nodeName: 'n1', uplink: 'enp1s0', healthzPort: 1234, apiServers: [nobody] },
    serviceCidrs: ['10.96.0.0/16', 'fd96::/112'],
  });
  expect(logged).toEqual(['no API server answers: starting with what was so at the last start']);
});

test('an API server that has lost its etcd is as good as none', async () => {
  await learnOnceAndLose();
  api.intercept = () => {
    throw apiError(500, 'InternalError', 'etcdserver: no leader');
  };
  expect((await start([(await startApi()).url]).lesson).config.uplink).toBe('ens3');
});

test('one that refuses is believed: what is remembered does not count', async () => {
  await learnOnceAndLose();
  api.intercept = () => {
    throw apiError(403, 'Forbidden', 'nodes "n1" is forbidden');
  };
  const { lesson, probe, retry } = start([(await startApi()).url]);
  await vi.waitFor(async () => expect((await probe('/readyz'))[1]).toContain('is forbidden'));
  api.intercept = () => {};
  retry();
  await lesson;
});

test('where the uplink has no address yet it is waited for, also without the API', async () => {
  await learnOnceAndLose();
  const addresses: Address[] = [];
  const interfaces = () => ({ links: [link(7, 'ens3')], addresses });
  const { lesson, probe, retry } = start([], { machine: { ...machineOf([nobody]), interfaces } });
  await vi.waitFor(async () =>
    expect((await probe('/readyz'))[1]).toContain('no interface has the InternalIP'),
  );
  addresses.push(address(7, '10.90.0.11'));
  retry();
  expect((await lesson).config.uplink).toBe('ens3');
});

test('what is remembered badly is learned anew', async () => {
  writeFileSync(memory, '{');
  makeNode();
  makeServiceCidrs();
  await start([(await startApi()).url]).lesson;
  expect(recall(memory, 'n1')).toMatchObject({ internalIps: ['10.90.0.11'] });
});
