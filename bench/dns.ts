/**
 * Cluster names answered in the kernel, by Tendril's server, by CoreDNS and by Debian's nsd, all with the same five hundred names:
 * answers a second with a full window, what an answer costs its server's processor, and the time of an answer at an easy pace. Beside
 * them a program that turns questions around unread: what remains is the client's and its veth's time.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bpfIn } from '../bpf/tests/cluster.ts';
import { FastPath } from '../src/dns/fastpath/fast-path.ts';
import { parseIp } from '../src/net/ip.ts';
import { silentLogger } from '../src/util/logger.ts';
import { coreDns, coreDnsVersion, nsd } from './peers/dns-servers.ts';
import { medianOf, type Report } from './report.ts';
import { Closers } from './rig/closers.ts';
import { compile, compileBpf, Machine } from './rig/machine.ts';
import { serverIps } from './rig/objects.ts';
import { ratioOf } from './rig/turns.ts';

export const claim =
  'the kernel answers cluster names at least three times as often as anything in user space, in an eighth of the time';

const root = join(import.meta.dirname, '..');
const zone = 'cluster.local';
const ip = serverIps[4];
const names = Array.from(
  { length: 500 },
  (_, i) => [`app-${i}.bench.svc.${zone}`, `10.96.${i >> 8}.${i & 255}`] as const,
);
const rounds = 9;
const turnMs = 1500;
const window = 64;
const perSecond = 10_000;
/** USER_HZ, the same on all of Linux. */
const ticksPerSecond = 100;

interface Contender {
  name: string;
  machine: Machine;
  /** Undefined: the kernel. */
  pid?: number;
}

interface Turn {
  perSecond: number;
  /** Of the server's process, for an answer; NaN for the kernel. */
  cpuMicroseconds: number;
  p50: number;
  p99: number;
}

export async function run(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-bench-dns-'));
  await using closers = new Closers();
  closers.add(async () => rmSync(directory, { recursive: true, force: true }));
  const contenders = await start(directory, closers);
  const load = compile('dns-load', directory);
  const full = await turns(contenders, [load, 'saturate', String(window), ip]);
  compare(report, 'answers, two sockets of a client', '/s', full, ({ perSecond }) => perSecond);
  const both = await turns(contenders, [load, 'saturate', String(window), ip], { clients: 2 });
  compare(report, 'answers, two clients', '/s', both, ({ perSecond }) => perSecond);
  compare(
    report,
    'processor of the server for an answer',
    'µs',
    full.filter(({ contender }, i) => i > 0 && contender.pid !== undefined),
    ({ cpuMicroseconds }) => cpuMicroseconds,
  );
  const easy = await turns(contenders, [load, 'paced', String(perSecond), ip]);
  compare(report, `time of an answer at ${perSecond} /s, p50`, 'µs', easy, ({ p50 }) => p50 / 1000);
  compare(report, `time of an answer at ${perSecond} /s, p99`, 'µs', easy, ({ p99 }) => p99 / 1000);
}

async function start(directory: string, closers: Closers): Promise<Contender[]> {
  const file = join(directory, 'zone');
  const head = `$ORIGIN ${zone}.\n@ 30 IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n@ 30 IN NS ns.dns\nns.dns 30 IN A ${ip}\n`;
  writeFileSync(file, head + names.map(([name, address]) => `${name}. 30 IN A ${address}\n`).join(''));
  const corefile = join(directory, 'Corefile');
  writeFileSync(corefile, `.:53 {\n bind ${ip}\n file ${file} ${zone}\n}\n`);
  const machine = (name: string) => {
    const made = new Machine({ directory: join(directory, name) });
    closers.add(() => made.close());
    return made;
  };
  const server = async (name: string, argv: (at: string) => string[]): Promise<Contender> => {
    const made = machine(name.replaceAll(/\W/g, ''));
    const { child } = made.start('server', argv(made.directory));
    await answering(made, name);
    return { name, machine: made, pid: child.pid! };
  };
  const debian = nsd();
  return [
    await kernel(machine('kernel'), closers),
    reflector(machine('reflector'), closers),
    await server("Tendril's server", () => [join(root, 'bin/tendril'), 'dns', '--conf', corefile]),
    await server(`CoreDNS ${coreDnsVersion}`, () => [coreDns(), '-conf', corefile, '-quiet']),
    await server(`nsd ${debian.version}`, (at) => debian.argv(at, { name: zone, file }, ip)),
  ];
}

/** No server is there: only the kernel can answer. */
async function kernel(machine: Machine, closers: Closers): Promise<Contender> {
  const bpffs = mountBpffs(machine, closers);
  const options = {
    objectsDirectory: join(root, 'dist/bpf'),
    pinDirectory: join(bpffs, 'dns'),
    logger: silentLogger,
  };
  const fastPath = new FastPath({ bpf: bpfIn(machine.node), ...options });
  // As an agent does.
  const renewing = setInterval(() => fastPath.renew(), 10_000);
  closers.add(async () => {
    clearInterval(renewing);
    fastPath.close();
  });
  fastPath.setServers([parseIp(ip)]);
  fastPath.attachPod(machine.ifindex('client'));
  const known = new Map(names.map(([name, address]) => [name, { ips: [parseIp(address)] }]));
  const settings = { zone, ttl: 30, serial: 1, udpBytes: 1232, recursive: false };
  await fastPath.follow(
    { names: () => known.keys(), addresses: (name) => known.get(name as never) },
    () => settings,
  );
  await answering(machine, 'kernel');
  return { name: 'kernel', machine };
}

/** Where the kernel's answers are, with nothing in them. */
function reflector(machine: Machine, closers: Closers): Contender {
  const path = compileBpf('reflect', machine.directory);
  const bpffs = mountBpffs(machine, closers);
  const object = bpfIn(machine.node).load({ path, pinDirectory: join(bpffs, 'reflect') });
  closers.add(async () => object.close());
  const ifindex = machine.ifindex('client');
  const at = { type: 'clsact', direction: 'ingress', ifindex, place: 'ahead' } as const;
  object.attach('reflect', at, join(bpffs, 'reflect', 'links', 'reflect'));
  return { name: 'questions turned around unread', machine };
}

function mountBpffs(machine: Machine, closers: Closers): string {
  const bpffs = join(machine.directory, 'bpf');
  mkdirSync(bpffs);
  execFileSync('mount', ['-t', 'bpf', 'bpf', bpffs]);
  closers.add(async () => void execFileSync('umount', ['-l', bpffs]));
  return bpffs;
}

async function answering(machine: Machine, name: string): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(100)) {
    const answer = machine.run(
      'client',
      `dig +short +nocookie +tries=1 +time=1 @${ip} ${names[499]![0]} || true`,
    );
    if (answer.trim() === names[499]![1]) return;
  }
  throw new Error(`${name} does not answer within 20 s`);
}

/** Of each contender, in turns; the first is not counted. */
async function turns(
  contenders: readonly Contender[],
  argv: readonly string[],
  { clients = 1 } = {},
): Promise<{ contender: Contender; turns: Turn[] }[]> {
  const results = contenders.map((contender) => ({
    contender,
    clients: Array.from({ length: clients }, (_, i) =>
      // Two are on a processor each, and the server wherever there is room.
      contender.machine.start('client', argv, clients > 1 ? { cpu: i } : {}),
    ),
    turns: [] as Turn[],
  }));
  try {
    for (let round = 0; round <= rounds; round++) {
      const order = results.map((_, index) => (index + round) % results.length);
      if (round % 2) order.reverse();
      for (const index of order) {
        const { contender, clients, turns } = results[index]!;
        const before = seconds(contender.pid);
        const told = await Promise.all(clients.map((client) => client.ask(String(turnMs))));
        const figures = told.map(
          ([line]) => line!.split(' ').map(Number) as [number, number, number, number],
        );
        const answers = figures.reduce((sum, [count]) => sum + count, 0);
        const perSecond = figures.reduce((sum, [count, ns]) => sum + (count / ns) * 1e9, 0);
        const [, , p50, p99] = figures[0]!;
        const cpuMicroseconds = ((seconds(contender.pid) - before) * 1e6) / answers;
        if (round > 0) turns.push({ perSecond, cpuMicroseconds, p50, p99 });
      }
    }
    return results;
  } finally {
    for (const client of results.flatMap(({ clients }) => clients)) client.stop();
  }
}

/** Of its processors so far, by it and what it has started. */
function seconds(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN;
  let ticks = 0;
  for (const one of familyOf(pid)) {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]!.split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}

/** A process, its children and theirs. */
function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
}

/** The first beside each of the others. */
function compare(
  report: Report,
  name: string,
  unit: string,
  [ours, ...theirs]: readonly { contender: Contender; turns: Turn[] }[],
  figure: (turn: Turn) => number,
): void {
  const values = ours!.turns.map(figure);
  const { median, interval } = medianOf(values);
  for (const { contender, turns } of theirs) {
    const others = turns.map(figure);
    const ratio = ratioOf(values, others);
    report({
      ...{ name: `${ours!.contender.name}: ${name}`, unit, value: median, interval, runs: values.length },
      ...{
        peer: contender.name,
        peerValue: medianOf(others).median,
        ratio: ratio.median,
        ratioInterval: ratio.interval,
      },
    });
  }
}
