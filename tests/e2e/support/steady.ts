/** A lab whose backends run on two nodes of three, with what tests of steady traffic do to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyOfThisVersion, type Installation, installOver } from '../../../bpf/tests/next-version.ts';
import { agentStatusPort } from '../../../src/lab/server/agents.ts';
import { type LabPaths, labPaths } from '../../../src/lab/topology/lab-config.ts';
import { kernelBpf } from '../../../src/linux/bpf/kernel-bpf.ts';
import { cgroupMount, processes } from '../../../src/linux/cgroup/cgroup.ts';
import { createLab, labName, type TestLab } from './lab.ts';
import type { Target } from './load.ts';
import { outputAt, type Place } from './place.ts';
import { must, run, runDirectory } from './tendril.ts';
import { until } from './until.ts';

const nodes = ['node-1', 'node-2', 'node-3'];

const service = (name: string, httpPort: number, more = '') => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {app: backend}
  ${more}
  ports:
    - {name: http, port: 80, targetPort: http, nodePort: ${httpPort}}
    - {name: echo, port: 7000, targetPort: echo, nodePort: ${httpPort + 1}}
    - {name: udp, port: 5000, targetPort: udp, protocol: UDP, nodePort: ${httpPort + 2}}
---`;

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  replicas: 4
  strategy: {rollingUpdate: {maxSurge: 4, maxUnavailable: 0}}
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
              - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-2, node-3]}]
      containers:
        - name: server
          image: example.com/backend
          ports: [{name: http, containerPort: 8080}, {name: udp, containerPort: 5000, protocol: UDP}]
          readinessProbe: {httpGet: {port: http}, periodSeconds: 1}
          # Serves on while the nodes learn that it ends.
          lifecycle: {preStop: {sleep: {seconds: 3}}}
        - name: echo
          image: example.com/echo
          ports: [{name: echo, containerPort: 7000}]
---
${service('backend', 30_080)}
${service('sticky', 30_090, 'sessionAffinity: ClientIP')}
${service('moving', 30_100)}
${['by-socket', 'by-packet']
  .map(
    (name) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeName: node-2
  terminationGracePeriodSeconds: 0
  containers: [{name: tools, image: nicolaka/netshoot, command: [sleep, infinity]}]
---`,
  )
  .join('')}
`;

export const ports = { http: 30_080, echo: 30_081, udp: 30_082, stickyHttp: 30_090 };

export interface SteadyLab extends TestLab {
  /** Two pods: the sockets of one are translated, and of the other its packets. */
  readonly bySocket: Place;
  readonly byPacket: Place;
  readonly outside: Place;
  readonly clusterIps: readonly [v4: string, v6: string];
  /** Of the Service with session affinity. */
  readonly stickyIps: readonly [v4: string, v6: string];
  /** Of a node without backends. */
  readonly nodeIps: readonly [v4: string, v6: string];
  /** Of cluster DNS. */
  readonly dnsIp: string;
  readonly clusterTargets: Target[];
  readonly nodePortTargets: Target[];
  /** Names of all backends that are there. */
  backends(): Promise<string[]>;
  /** Replaces all backends; resolves once the new ones are ready. */
  rollOut(): Promise<void>;
  /** Those that run; how many did. */
  killAgents(): number;
  /** The nodes' agents as they run now, by process. */
  agents(): number[];
  /** Gives the Service `moving` another NodePort. */
  move(nodePort: number): Promise<void>;
  answersAt(nodePort: number): Promise<boolean>;
  isWell(): Promise<boolean>;
  /** Another version's files in the place of those that agents are started from. */
  install(version: Installation): void;
  /** A metric as each node's agent tells it. */
  metric(name: string): Promise<number[]>;
  /** The version of all layouts that each node's maps have. */
  layouts(): number[];
  agentLog(node: string): string;
}

/** Its agents run from files of its own. */
export async function steadyLab(): Promise<SteadyLab> {
  const installation = copyOfThisVersion();
  const lab = createLab(labName());
  const down = async () => {
    await lab.down();
    installation[Symbol.dispose]();
  };
  try {
    const up = ['up', '--name', lab.name, '-f', '-'];
    await must(run(join(installation.directory, 'bin/tendril'), up, { stdin: manifest }));
    const paths = labPaths(lab.name, { base: runDirectory, cgroupMount: cgroupMount() });
    return { ...lab, down, ...(await placesOf(lab, paths)), ...actionsOn(lab, paths, installation) };
  } catch (error) {
    await down();
    throw error;
  }
}

async function placesOf(lab: TestLab, paths: LabPaths) {
  const get = async (...what: string[]) =>
    JSON.parse(await must(lab.tendril(['get', ...what, '-o', 'json'])));
  const uid = async (pod: string): Promise<string> => (await get('pod', pod)).metadata.uid;
  const [bySocket, byPacket] = [await uid('by-socket'), await uid('by-packet')];
  const clusterIps: [string, string] = (await get('service', 'backend')).spec.clusterIPs;
  const stickyIps: [string, string] = (await get('service', 'sticky')).spec.clusterIPs;
  const addresses: { type: string; address: string }[] = (await get('node', 'node-1')).status.addresses;
  const nodeIps = addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address) as [
    string,
    string,
  ];
  return {
    bySocket: {
      netns: join(paths.netns('pods'), bySocket),
      cgroup: join(paths.node('node-2').cgroup, 'pods', bySocket),
    },
    byPacket: { netns: join(paths.netns('pods'), byPacket) },
    outside: { netns: paths.netns('outside') },
    ...{ clusterIps, stickyIps, nodeIps, dnsIp: '10.96.0.10' },
    clusterTargets: clusterIps.map((ip) => ({ ip, port: 80 })),
    nodePortTargets: nodeIps.map((ip) => ({ ip, port: ports.http })),
  };
}

function actionsOn(lab: TestLab, paths: LabPaths, installation: Installation) {
  const agents = () => nodes.flatMap((node) => processes(`${paths.node(node).cgroup}/agent`));
  const isWell = async () => (await lab.tendril(['status'])).code === 0;
  return {
    agents,
    isWell,
    async backends(): Promise<string[]> {
      const { items } = JSON.parse(
        await must(lab.tendril(['get', 'pods', '-l', 'app=backend', '-o', 'json'])),
      );
      return items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    },
    async rollOut() {
      // kubectl refuses a second one within a second: what it writes is the time in seconds.
      await until('the restart is taken', async () => {
        const { code, stderr } = await lab.kubectl('rollout', 'restart', 'deployment/backend');
        if (code !== 0 && !stderr.includes('within the past second')) throw new Error(stderr);
        return code === 0;
      });
      await must(lab.kubectl('rollout', 'status', 'deployment/backend', '--timeout=60s'));
    },
    killAgents() {
      const running = agents();
      for (const pid of running) killIfThere(pid);
      return running.length;
    },
    async move(nodePort: number) {
      const patch = { spec: { ports: [{ port: 80, nodePort }] } };
      await must(lab.kubectl('patch', 'service', 'moving', '-p', JSON.stringify(patch)));
    },
    async answersAt(nodePort: number) {
      const url = `http://172.20.0.11:${nodePort}/`;
      return (await lab.tendril(['exec', '--outside', '--', 'curl', '-s', '-m', '2', url])).code === 0;
    },
    metric: (name: string) =>
      Promise.all(
        nodes.map(async (node) => {
          const url = `http://127.0.0.1:${agentStatusPort}/metrics`;
          const text = await outputAt({ netns: paths.netns(node) }, ['curl', '-s', url]);
          return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
        }),
      ),
    install: (version: Installation) => installOver(installation, version),
    layouts: () =>
      nodes.map((node) => {
        using maps = kernelBpf.pinned(paths.node(node).bpf);
        return maps.get('layout')?.map.maxEntries ?? 0;
      }),
    agentLog: (node: string) => readFileSync(join(paths.logs, `agent-${node}.log`), 'utf8'),
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export const untilWell = (lab: SteadyLab) => until('all is well', () => lab.isWell(), 60_000);
