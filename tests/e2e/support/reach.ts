/** Who reaches whom: connections that pods try, by IPv4 and IPv6, TCP and UDP, and SCTP where the kernel has it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { must, root } from './tendril.ts';
import type { TestCluster } from './test-cluster.ts';

export type Family = 4 | 6;
export const families = [4, 6] as const;
export type Ips = Readonly<Record<Family, string>>;

export interface PodAt {
  namespace: string;
  name: string;
}

/** Where a server listens; `udp` and the others are in a pod's manifest under these names, too. */
export const ports = { tcp: 8080, udp: 8081, sctp: 8082 } as const;
export type Protocol = keyof typeof ports;

/** A kernel without it has no such sockets: it is another failure than that nobody listens. */
const sctpTry = ['connect', '--timeout=1s', '--protocol=sctp', '127.0.0.1:1'];
const hasSctp = !spawnSync(join(root, 'dist/native/agnhost'), sctpTry)
  .stderr.toString()
  .includes('protocol not supported');
if (!hasSctp) console.log('skipped: SCTP, which this kernel has not (CONFIG_IP_SCTP)');
export const protocols: readonly Protocol[] = hasSctp ? ['tcp', 'udp', 'sctp'] : ['tcp', 'udp'];

export interface ServerOptions extends PodAt {
  /** As manifests name it. */
  node: string;
  labels?: Record<string, string>;
  /** By which its node leads to `tcp`. */
  hostPort?: number;
}

/** A pod that answers at `ports`, and from which connections can be tried. */
export const server = ({ namespace, name, node, labels = {}, hostPort }: ServerOptions): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: ${JSON.stringify(labels)}}
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  containers:
  - name: agnhost
    image: registry.k8s.io/e2e-test-images/agnhost:2.53
    args: [netexec, --http-port=${ports.tcp}, --udp-port=${ports.udp}${hasSctp ? `, --sctp-port=${ports.sctp}` : ''}]
    ports:
    - {name: tcp, containerPort: ${ports.tcp}${hostPort === undefined ? '' : `, hostPort: ${hostPort}`}}
    - {name: udp, containerPort: ${ports.udp}, protocol: UDP}
    - {name: sctp, containerPort: ${ports.sctp}, protocol: SCTP}
    readinessProbe: {httpGet: {path: /healthz, port: tcp}, periodSeconds: 1}
---`;

/** Of a namespace `shop`: two on one node, and one on another. */
export const shop = {
  web: { namespace: 'shop', name: 'web', node: 'node-1', labels: { app: 'web' } },
  near: { namespace: 'shop', name: 'near', node: 'node-1', labels: { app: 'near' } },
  far: { namespace: 'shop', name: 'far', node: 'node-2', labels: { app: 'far' } },
} as const;

export const echoPort = 7000;

/** A pod of node-1 that sends back what it gets, by TCP and UDP. */
export const echo = (namespace: string, name: string, labels: Record<string, string>): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: ${JSON.stringify(labels)}}
spec:
  nodeName: node-1
  terminationGracePeriodSeconds: 0
  containers:
  - name: echo
    image: example.com/echo
    ports: [{containerPort: ${echoPort}}, {containerPort: ${echoPort}, protocol: UDP}]
---`;

export const namespaceNamed = (name: string, labels: Record<string, string> = {}): string => `
apiVersion: v1
kind: Namespace
metadata: {name: ${name}, labels: ${JSON.stringify(labels)}}
---`;

export const byFamily = (ips: readonly string[]): Ips => ({
  4: ips.find((ip) => !ip.includes(':'))!,
  6: ips.find((ip) => ip.includes(':'))!,
});

export const at = (ip: string, port: number): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;

export async function podIps(cluster: TestCluster, { namespace, name }: PodAt): Promise<Ips> {
  const pod = JSON.parse(await must(cluster.tendril(['get', 'pod', name, '-n', namespace, '-o', 'json'])));
  return byFamily(pod.status.podIPs.map(({ ip }: { ip: string }) => ip));
}

/** By protocol and family, `tcp4`: `open`; `closed` where nothing came back; `refused` where the other side said no. */
export type Outcomes = Readonly<Record<string, string>>;

/** What nobody answers is given up after this; what a machine with much to do answers later is asked again. */
const patienceSeconds = 1;
const words: Record<string, string> = { '': 'open', TIMEOUT: 'closed', REFUSED: 'refused' };

export interface Target {
  key: string;
  protocol: Protocol;
  ip: string;
  port: number;
}

/** All at once, by one command in the pod. */
export async function tryFrom(
  cluster: TestCluster,
  pod: PodAt,
  targets: readonly Target[],
): Promise<Outcomes> {
  const attempts = targets.map(({ key, protocol, ip, port }) => {
    const connect = `/agnhost connect --timeout=${patienceSeconds}s --protocol=${protocol} ${at(ip, port)}`;
    return `(word=$(${connect} 2>&1); echo "${key} \${word%%:*}") &`;
  });
  const script = `${attempts.join('\n')}\nwait`;
  const lines = (await cluster.exec([pod.name, '-n', pod.namespace], 'sh', '-c', script)).trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [key = '', word = ''] = line.split(' ');
      return [key, words[word] ?? word];
    }),
  );
}

export const everyWay = (ips: Ips): Target[] =>
  families.flatMap((family) =>
    protocols.map((protocol) => ({
      key: `${protocol}${family}`,
      protocol,
      ip: ips[family],
      port: ports[protocol],
    })),
  );

/** One word where all outcomes are the same; else each. */
export function summary(outcomes: Outcomes): string {
  const different = new Set(Object.values(outcomes));
  if (different.size === 1) return [...different][0]!;
  const each = Object.entries(outcomes).map(([key, outcome]) => `${key} ${outcome}`);
  return each.sort().join(', ');
}

/** The summary where these protocols alone are open. */
export const openBy = (...open: Protocol[]): string =>
  summary(
    Object.fromEntries(
      protocols.flatMap((protocol) =>
        families.map((family) => [`${protocol}${family}`, open.includes(protocol) ? 'open' : 'closed']),
      ),
    ),
  );
