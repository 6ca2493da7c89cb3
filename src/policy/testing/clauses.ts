/** What a cluster lets pass, as the state and the objects both say it. */
import { expect } from 'vitest';
import type { Namespace, NetworkPolicy, Pod } from '../../kube/types.ts';
import { parseIp } from '../../net/ip.ts';
import { type Protocol, protocolNumbers } from '../../net/protocol.ts';
import { evaluate } from '../evaluate.ts';
import { judge } from '../judge.ts';
import type { Direction } from '../policy-state.ts';
import { namespace, type PodOptions, type PolicySpec, pod, policy, TestCluster } from './objects.ts';

export interface Asked {
  direction?: Direction;
  /** An address. */
  peer: string;
  port?: number;
  protocol?: Protocol;
}

/** The pod that policies of a clause are about. */
export const subject = 'default/subject';
export const subjectIp = '10.0.0.1';
export const subjectIp6 = 'fd00::1';

export function subjectPod(options: PodOptions = {}): Pod {
  return pod(subject, { labels: { role: 'db' }, ips: [subjectIp, subjectIp6], local: true, ...options });
}

/** Of others, in three namespaces. */
export const peers = {
  frontend: '10.0.1.1',
  backend: '10.0.1.2',
  otherFrontend: '10.0.2.1',
  otherBackend: '10.0.2.2',
  thirdFrontend: '10.0.3.1',
  hostNetwork: '172.16.0.9',
  outside: '192.0.2.7',
} as const;

const frontend = { role: 'frontend' };
const backend = { role: 'backend' };
const others = () => [
  pod('default/frontend', { labels: frontend, ips: [peers.frontend, 'fd00::1:1'] }),
  pod('default/backend', { labels: backend, ips: [peers.backend], ports: ['http:8080/TCP'] }),
  pod('default/host', { labels: frontend, ips: [peers.hostNetwork], hostNetwork: true }),
  pod('other/frontend', { labels: frontend, ips: [peers.otherFrontend], ports: ['http:9090/TCP'] }),
  pod('other/backend', { labels: backend, ips: [peers.otherBackend], ports: ['http:9090/UDP'] }),
  pod('third/frontend', { labels: frontend, ips: [peers.thirdFrontend] }),
];
const namespaces = (): Namespace[] => [
  namespace('default'),
  namespace('other', { project: 'mine' }),
  namespace('third'),
];

export interface ClauseOptions {
  pods?: Pod[];
  subject?: PodOptions;
}

/** The subject and the peers, with these policies in the subject's namespace. */
export function clusterWith(specs: readonly PolicySpec[], options: ClauseOptions = {}): TestCluster {
  const policies: NetworkPolicy[] = specs.map((spec, i) => policy(`default/policy-${i}`, spec));
  const pods = [subjectPod(options.subject), ...others(), ...(options.pods ?? [])];
  return new TestCluster({ policies, namespaces: namespaces(), pods });
}

/** Of those asked for, which pass; fails where state and objects disagree. */
export function passes(cluster: TestCluster, { direction = 'ingress', ...asked }: Asked): boolean {
  const { peer, port = 80, protocol = 'TCP' } = asked;
  const ip = parseIp(peer).family === 4 ? subjectIp : subjectIp6;
  const judged = judge(cluster.state(), {
    pod: parseIp(ip),
    direction,
    peer: parseIp(peer),
    protocol: protocolNumbers[protocol],
    port,
  });
  const here = { pod: subject, ip };
  const ends = direction === 'ingress' ? { from: { ip: peer }, to: here } : { from: here, to: { ip: peer } };
  const { isolatedBy, allowedBy } = evaluate(cluster.objects(), { ...ends, port, protocol })[direction];
  expect({ ...asked, allowed: isolatedBy.length === 0 || allowedBy !== undefined }).toEqual({
    ...asked,
    allowed: judged,
  });
  return judged;
}

/** Names of the peers that pass. */
export function passing(cluster: TestCluster, asked: Omit<Asked, 'peer'> = {}): string[] {
  return Object.entries(peers).flatMap(([name, peer]) => (passes(cluster, { ...asked, peer }) ? [name] : []));
}

/** Of the ports those that pass. */
export function portsPassing(cluster: TestCluster, ports: readonly number[], asked: Asked): number[] {
  return ports.filter((port) => passes(cluster, { ...asked, port }));
}
