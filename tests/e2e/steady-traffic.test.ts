/**
 * New connections and questions for a name at a steady rate while everything around them changes: backends are rolled, agents killed, versions
 * exchanged. Whoever found a serving endpoint is served to the end.
 *
 * TENDRIL_STEADY_SECONDS: how long agents are killed (10, so that a run of all tests stays short).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  buildVersion,
  copyOfThisVersion,
  type Installation,
  nextLayout,
  unreadableLayout,
} from '../../bpf/tests/next-version.ts';
import { TrafficLoad, trafficProgram } from '../support/traffic-load.ts';
import { Conversation } from './support/conversation.ts';
import { type Load, LoadGenerator, type Outcome, type Target } from './support/load.ts';
import { outputAt, type Place, spawnAt } from './support/place.ts';
import { ports, type SteadyLab, steadyLab, untilWell } from './support/steady.ts';
import { must } from './support/tendril.ts';
import { until } from './support/until.ts';

const perSecond = Number(process.env.TENDRIL_STEADY_RATE ?? 500);
const killSeconds = Number(process.env.TENDRIL_STEADY_SECONDS ?? 10);

let lab: SteadyLab;
let generator: LoadGenerator;

beforeAll(async () => {
  generator = new LoadGenerator();
  lab = await steadyLab();
});
afterAll(async () => {
  generator[Symbol.dispose]();
  await lab?.down();
});

const questionsPerSecond = 1000;
const name = 'backend.default.svc.cluster.local';

/** Runs with connections on every way to the Service, and questions for its name; none fails meanwhile. */
async function underLoad(use: () => Promise<void>): Promise<void> {
  using stack = new DisposableStack();
  const each = Math.ceil(perSecond / 3);
  const start = (place: Place, targets: Target[]) =>
    stack.use(generator.start(place, { perSecond: each, targets }));
  const ask = (place: Place) =>
    stack.use(generator.ask(place, { perSecond: questionsPerSecond / 2, server: lab.dnsIp, name }));
  const loads: Record<string, Load> = {
    socket: start(lab.bySocket, lab.clusterTargets),
    packet: start(lab.byPacket, lab.clusterTargets),
    nodePort: start(lab.outside, lab.nodePortTargets),
    ...{ 'names by socket': ask(lab.bySocket), 'names by packet': ask(lab.byPacket) },
  };
  await use();
  const outcomes: Record<string, Outcome> = {};
  for (const [way, load] of Object.entries(loads)) outcomes[way] = await load.stop();
  console.log(
    Object.entries(outcomes)
      .map(([way, outcome]) => `${way}: ${JSON.stringify(outcome)}`)
      .join('\n'),
  );
  for (const [way, { begun, succeeded, failures }] of Object.entries(outcomes)) {
    expect(failures, way).toEqual([]);
    expect(succeeded, way).toBe(begun);
    expect(begun, way).toBeGreaterThan(each);
  }
}

test('rolling restarts of all backends', { timeout: 120_000 }, async () => {
  const before = await lab.backends();
  await underLoad(async () => {
    for (let round = 0; round < 2; round++) await lab.rollOut();
    await until('only new ones are left', async () => (await lab.backends()).length === before.length);
  });
  expect((await lab.backends()).filter((name) => before.includes(name))).toEqual([]);
  // Slices say when a pod became ready: each agent tells how long that took to reach its maps.
  for (const count of await lab.metric('kubeproxy_network_programming_duration_seconds_count'))
    expect(count).toBeGreaterThan(0);
});

test('cluster DNS is restarted', { timeout: 120_000 }, async () => {
  const names = [name, '*.example.com'];
  const words = ['load', '--until-eof', '--queries', '200', `${lab.dnsIp}:53`, ...names];
  // So few ports are used again within seconds: by packets that is the same flow as before, of the same server.
  const fewPorts = 'echo 40000 40999 >/proc/sys/net/ipv4/ip_local_port_range; exec "$@"';
  using stack = new DisposableStack();
  const load = (place: Place) =>
    stack.use(new TrafficLoad(spawnAt(place, ['sh', '-c', fewPorts, 'sh', trafficProgram, ...words])));
  const loads = [load(lab.bySocket), load(lab.byPacket)];
  await Promise.all(loads.map((load) => load.ready()));
  const dns = ['-n', 'kube-system'];
  await must(lab.kubectl(...dns, 'rollout', 'restart', 'daemonset/tendril-dns'));
  await must(lab.kubectl(...dns, 'rollout', 'status', 'daemonset/tendril-dns', '--timeout=90s'));
  const reports = await Promise.all(loads.map((load) => load.stop()));
  expect(reports.map(({ failures }) => failures)).toEqual([[], []]);
  for (const { queries } of reports) expect(queries.succeeded + queries.excused).toBe(queries.begun);
});

test('agents killed every second', { timeout: 120_000 + 3000 * killSeconds }, async () => {
  let killed = 0;
  const firstPort = 30_110;
  await underLoad(async () => {
    for (let second = 0; second < killSeconds; second++) {
      killed += lab.killAgents();
      const next = sleep(1000);
      await lab.move(firstPort + second);
      await next;
    }
    const last = firstPort + killSeconds - 1;
    await until('the last change is in force', () => lab.answersAt(last), 60_000);
    expect(await lab.answersAt(firstPort)).toBe(killSeconds === 1);
  });
  expect(killed).toBeGreaterThan(killSeconds);
  await untilWell(lab);
});

/** Long connections and flows on every way, both families. */
function conversations(): Conversation[] {
  return [4, 6].flatMap((family, i) => {
    const at = (protocol: string, ip: string, port: number) =>
      family === 4 ? `${protocol}4:${ip}:${port}` : `${protocol}6:[${ip}]:${port}`;
    const [cluster, node] = [lab.clusterIps[i]!, lab.nodeIps[i]!];
    return [
      new Conversation(lab.bySocket, at('TCP', cluster, 7000)),
      new Conversation(lab.byPacket, at('TCP', cluster, 7000)),
      new Conversation(lab.outside, at('TCP', node, ports.echo)),
      new Conversation(lab.bySocket, at('UDP', cluster, 5000)),
      new Conversation(lab.byPacket, at('UDP', cluster, 5000)),
      new Conversation(lab.outside, at('UDP', node, ports.udp)),
    ];
  });
}

/** Who answers each client of the Service with session affinity, several times. */
async function stickyBackends(): Promise<string[]> {
  const answers: string[] = [];
  for (const ip of lab.nodeIps) {
    const url = `http://${ip.includes(':') ? `[${ip}]` : ip}:${ports.stickyHttp}/`;
    for (let i = 0; i < 5; i++) answers.push(await answeringHost(lab.outside, url));
  }
  for (const ip of lab.stickyIps) {
    const url = `http://${ip.includes(':') ? `[${ip}]` : ip}/`;
    for (const place of [lab.bySocket, lab.byPacket])
      for (let i = 0; i < 5; i++) answers.push(await answeringHost(place, url));
  }
  return answers;
}

async function answeringHost(place: Place, url: string): Promise<string> {
  const text = await outputAt(place, ['curl', '-s', '-m', '5', url]);
  const [name] = /backend-[\w-]+/.exec(text) ?? [];
  if (name === undefined) throw new Error(`no backend's name in ${text}`);
  return name;
}

/** Exchanges the agents' files; the agents that start from them are killed in the middle of what they do. */
async function exchange(version: Installation, layout: number): Promise<void> {
  lab.install(version);
  lab.killAgents();
  for (const pauseMs of [300, 450]) {
    await sleep(pauseMs);
    lab.killAgents();
  }
  await until(`layout ${layout}`, () => lab.layouts().every((is) => is === layout), 60_000);
  await untilWell(lab);
}

test('versions with other layouts of the maps take over from each other', { timeout: 240_000 }, async () => {
  using next = buildVersion(nextLayout);
  using here = copyOfThisVersion();
  const before = await stickyBackends();
  using stack = new DisposableStack();
  const long = conversations().map((one) => stack.use(one));
  await until('all are answered', () => long.every((one) => one.isAnswered()));
  await underLoad(async () => {
    await exchange(next, 2);
    await lab.move(30_110);
    await until('a change reaches the maps of the next version', () => lab.answersAt(30_110));
    await exchange(here, 1);
    await lab.move(30_111);
    await until('a change reaches the maps of this version', () => lab.answersAt(30_111));
  });
  expect(await Promise.all(long.map((one) => one.missing()))).toEqual(long.map(() => []));
  expect(await stickyBackends()).toEqual(before);
});

test('a version that cannot read what is in force leaves it so, and says why', {
  timeout: 240_000,
}, async () => {
  using newer = buildVersion(unreadableLayout);
  using here = copyOfThisVersion();
  using stack = new DisposableStack();
  const long = conversations().map((one) => stack.use(one));
  await until('all are answered', () => long.every((one) => one.isAnswered()));
  await underLoad(async () => {
    await exchange(newer, 3);
    lab.install(here);
    lab.killAgents();
    await until('the agent says why', () => lab.agentLog('node-1').includes('cannot read'), 60_000);
    expect(lab.layouts()).toEqual([3, 3, 3]);
    await exchange(newer, 3);
  });
  expect(await Promise.all(long.map((one) => one.missing()))).toEqual(long.map(() => []));
});
