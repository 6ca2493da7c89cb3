/**
 * Cluster DNS under a flood: a pod asks the DNS Service for 5 seconds, a thousand names a second (Services, a headless
 * one, names that do not exist, names of the world), and no question may stay without its right answer.
 * The socket lives in the pod's network namespace but in this process' cgroup: packets take the way through the
 * per-packet datapath, which is the longer one.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import packet from 'dns-packet';
import { openNetns } from '../src/linux/netns/netns.ts';
import { bindUdp } from '../src/linux/netns/sockets.ts';
import { parseIp } from '../src/net/ip.ts';
import type { createReporter } from './report.ts';

export const claim =
  'cluster DNS answers a thousand questions a second from one pod, all of them, most within 5 ms';

const program = join(import.meta.dirname, '..');
const labs = '/run/tendril-bench';
const lab = 'dns';
const [perSecond, seconds, tickMs, patienceMs] = [1000, 5, 10, 2000];

interface Question {
  name: string;
  type: 'A' | 'AAAA';
  rcode: 'NOERROR' | 'NXDOMAIN';
}

const questions: Question[] = [
  { name: 'storefront.default.svc.cluster.local', type: 'A', rcode: 'NOERROR' },
  { name: 'storefront.default.svc.cluster.local', type: 'AAAA', rcode: 'NOERROR' },
  { name: 'stock.default.svc.cluster.local', type: 'A', rcode: 'NOERROR' },
  { name: 'kubernetes.default.svc.cluster.local', type: 'A', rcode: 'NOERROR' },
  { name: 'nobody.default.svc.cluster.local', type: 'A', rcode: 'NXDOMAIN' },
  { name: 'node-1', type: 'A', rcode: 'NOERROR' },
];

export async function run(report: ReturnType<typeof createReporter>): Promise<void> {
  tendril('up', '--name', lab, '-f', join(program, 'examples/shop.yaml'));
  try {
    const { latencies, failed } = await flood();
    const sorted = latencies.toSorted((a, b) => a - b);
    const runs = sorted.length;
    const at = (share: number) => sorted[Math.min(runs - 1, Math.floor(runs * share))]!;
    report({ name: 'questions without their answer', value: failed, unit: '', runs: runs + failed });
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
      ['p99.9', 0.999],
    ] as const)
      report({ name: `latency of an answer, ${name}`, value: at(share), unit: 'ms', runs });
  } finally {
    tendril('down', '--name', lab);
  }
}

function tendril(...words: string[]): string {
  const env = { ...process.env, TENDRIL_RUN: labs };
  return execFileSync(join(program, 'bin/tendril'), words, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

async function flood(): Promise<{ latencies: number[]; failed: number }> {
  const service = JSON.parse(
    tendril('get', 'services', 'kube-dns', '-n', 'kube-system', '--name', lab, '-o', 'json'),
  );
  const { items } = JSON.parse(tendril('get', 'pods', '--name', lab, '-o', 'json'));
  const visitor = items.find((pod: { metadata: { name: string } }) =>
    pod.metadata.name.startsWith('visitor'),
  );
  using netns = openNetns(join(labs, lab, 'netns/pods', visitor.metadata.uid));
  const socket = createSocket('udp4');
  const fd = bindUdp(netns, { ip: parseIp(visitor.status.podIP), port: 0 });
  await new Promise<void>((resolve) => socket.bind({ fd }, resolve));
  try {
    return await ask(socket, service.spec.clusterIP);
  } finally {
    socket.close();
  }
}

async function ask(socket: Socket, server: string): Promise<{ latencies: number[]; failed: number }> {
  const waiting = new Map<number, { question: Question; sentAt: number }>();
  const latencies: number[] = [];
  socket.on('message', (bytes) => {
    const { id = -1, rcode } = packet.decode(bytes) as packet.DecodedPacket & { rcode: string };
    const sent = waiting.get(id);
    if (sent === undefined || rcode !== sent.question.rcode) return;
    latencies.push(performance.now() - sent.sentAt);
    waiting.delete(id);
  });
  const total = perSecond * seconds;
  const begin = performance.now();
  for (let id = 0; id < total; ) {
    const due = Math.min(total, Math.ceil(((performance.now() - begin) / 1000) * perSecond));
    for (; id < due; id++) {
      const question = questions[id % questions.length]!;
      const bytes = packet.encode({
        type: 'query',
        id,
        flags: packet.RECURSION_DESIRED,
        questions: [question],
      });
      waiting.set(id, { question, sentAt: performance.now() });
      socket.send(bytes, 53, server);
    }
    await sleep(tickMs);
  }
  for (const end = performance.now() + patienceMs; waiting.size > 0 && performance.now() < end; )
    await sleep(tickMs);
  return { latencies, failed: waiting.size };
}
