/**
 * The table with real packets: three nodes of a lab, every case's Service at once, sockets in pods, on nodes and
 * outside. Each ask connects until every expected backend has answered, and a few times more to meet one that must not.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange } from '../../../bpf/tests/blocking-client.ts';
import { resources } from '../../../src/kube/resources.ts';
import { until } from '../../e2e/support/until.ts';
import { type ParsedAsk, parseAsk } from './case.ts';
import { cases } from './cases.ts';
import { realNodes, ServiceLab } from './service-lab.ts';
import {
  addressOf,
  type Family,
  families,
  nameOf,
  protocols,
  type TableProtocol,
  type Target,
  targetOf,
} from './world.ts';

let lab: ServiceLab;

beforeAll(async () => {
  lab = await ServiceLab.start();
  await lab.serve(cases);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const leastTries = 12;
/** That one of four backends is never met so often by chance: once in 10^18. */
const mostTries = 150;
/** How long to wait for what never comes. */
const silenceMs = 150;

function isSilent({ verdict }: ParsedAsk): boolean {
  return verdict === 'dropped' || verdict === 'unserved';
}

/** None comes twice: a connection whose port an ended one had may see its node's address. */
let lastPort = 10_000;

/** `backend`, `backend@node` where it sees a node's address, or the errno that ended the attempt. */
function attempt(ask: ParsedAsk, target: Target, at: { family: Family; protocol: TableProtocol }): string {
  const { answer } = lab.as(ask.client, () =>
    exchange({
      protocol: at.protocol,
      to: target.ip,
      port: target.port,
      connected: true,
      sourcePort: ++lastPort,
      payload: 'GET / HTTP/1.0\r\n\r\n',
      timeoutMs: isSilent(ask) ? silenceMs : 10_000,
    }),
  );
  const json = answer.slice(answer.indexOf('{'));
  if (!json.startsWith('{')) return answer;
  const { pod, client } = JSON.parse(json) as { pod: string; client: string };
  const seen = client.replace(/:\d+$/, '').replace(/[[\]]/g, '');
  if (seen === addressOf(lab.world, ask.client)[at.family]) return pod;
  const node = Object.entries(lab.world.nodes).find(([, ips]) => ips[at.family] === seen)?.[0];
  return `${pod}@${node?.at(-1) ?? seen}`;
}

function seenBy(ask: ParsedAsk, target: Target, at: { family: Family; protocol: TableProtocol }): string[] {
  const expected = expectedBackends(ask);
  const wanted = ask.sticky ? 1 : expected.length;
  const seen = new Set<string>();
  for (let tries = 0; tries < mostTries && (tries < leastTries || seen.size < wanted); tries++) {
    const answer = attempt(ask, target, at);
    seen.add(answer);
    if (!expected.includes(answer) && (tries > 0 || ask.verdict !== 'answered')) break;
  }
  return [...seen].sort();
}

function expectedBackends({ backends }: ParsedAsk): string[] {
  return [...backends].map(([name, node]) => (node ? `${name}@${node.at(-1)}` : name)).sort();
}

const silent = { TCP: ['EAGAIN', 'EINPROGRESS'], UDP: ['EAGAIN'] };

function check(ask: ParsedAsk, seen: readonly string[], protocol: TableProtocol): void {
  const expected = expectedBackends(ask);
  if (ask.verdict === 'refused') expect(seen).toEqual(['ECONNREFUSED']);
  else if (ask.verdict === 'dropped')
    expect(
      seen.every((end) => silent[protocol].includes(end)),
      `${seen}`,
    ).toBe(true);
  else if (ask.verdict === 'unserved') expect(seen.filter((end) => !/^E[A-Z]+$/.test(end))).toEqual([]);
  else if (!ask.sticky) expect(seen).toEqual(expected);
  else {
    expect(seen).toHaveLength(1);
    expect(expected).toContain(seen[0]);
  }
}

const rows = cases.flatMap(({ name, service, asks }, index) =>
  asks.map((text): [string, number, ParsedAsk, readonly Family[]] => [
    `${name}: ${text}`,
    index,
    parseAsk(text),
    service.families ?? families,
  ]),
);

describe.each(families)('IPv%i', (family) => {
  describe.each(protocols)('%s', (protocol) => {
    it.each(rows)('%s', (_, index, ask, served) => {
      const target = targetOf(cases[index]!, { world: lab.world, index, family, ...ask });
      // A Service of the other family alone has no address to ask.
      if (target === undefined) return;
      const expected = served.includes(family) ? ask : { ...ask, verdict: 'unserved' as const };
      check(expected, seenBy(expected, target, { family, protocol }), protocol);
    });
  });
});

describe('a healthCheckNodePort', () => {
  const index = cases.findIndex(({ name }) => name === 'a load balancer with a Local policy');

  it.each(families)('tells the outside which nodes have ready endpoints, by IPv%i', async (family) => {
    const { spec } = await lab.client.get(resources.services, { namespace: 'default', name: nameOf(index) });
    const port = spec!.healthCheckNodePort!;
    expect(port).toBeGreaterThan(0);
    for (const [node, local] of [
      ['node-a', 1],
      ['node-b', 0],
      ['node-c', 1],
    ] as const) {
      const answer = await lab.curl(`http://${hostOf(lab.world.nodes[node][family])}:${port}/`);
      expect(answer).toMatchObject({ status: local > 0 ? 200 : 503, weight: String(local) });
      expect(JSON.parse(answer.body)).toEqual({
        service: { namespace: 'default', name: nameOf(index) },
        localEndpoints: local,
        serviceProxyHealthy: true,
      });
    }
  });

  it.each(families)('and /healthz and /livez of every node answer, by IPv%i', async (family) => {
    for (const ips of Object.values(lab.world.nodes)) {
      for (const path of ['healthz', 'livez']) {
        const { status, body } = await lab.curl(`http://${hostOf(ips[family])}:10256/${path}`);
        expect([status, JSON.parse(body).healthy]).toEqual([200, true]);
      }
    }
  });

  it('/healthz tells load balancers to leave a node that is about to be deleted', async () => {
    const url = (path: string) => `http://${lab.world.nodes['node-c'][4]}:10256/${path}`;
    const taint = async (taints: object[]) => {
      const patch = { type: 'application/merge-patch+json', body: { spec: { taints } } } as const;
      await lab.client.patch(resources.nodes, { name: realNodes['node-c'] }, patch);
    };
    await taint([{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }]);
    await until('/healthz answers 503', async () => (await lab.curl(url('healthz'))).status === 503);
    expect((await lab.curl(url('livez'))).status).toBe(200);
    await taint([]);
    await until('/healthz answers 200', async () => (await lab.curl(url('healthz'))).status === 200);
  });
});

function hostOf(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}
