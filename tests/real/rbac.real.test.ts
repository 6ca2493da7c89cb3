/**
 * Tendril's accounts may do what it does, and nothing else: kube-apiserver's audit log, since the cluster is, beside what
 * the manifest grants. What Tendril does seldom is made to happen here.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployObjects } from '../../src/deploy/manifest.ts';
import { defaultValues } from '../../src/deploy/values.ts';
import { parseAuditLog } from './access/audit.ts';
import { compareAccess, grantsOf } from './access/grants.ts';
import { type Application, application, deployApplication, removeApplication } from './application.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { asAdministrator, auditLogPath, kubectl, kubectlWith } from './cluster/control-plane.ts';
import { apiServer, type NodeLayout, nodes } from './cluster/layout.ts';
import { onNode, wordsOnNode } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';

/** Granted, though nothing here makes Tendril use it; as the report names it, with the reason. */
const rare: Readonly<Record<string, string>> = {};

const [controlPlane, worker] = nodes() as [NodeLayout, NodeLayout];
const grants = grantsOf(deployObjects(defaultValues('tendril')));
const requests = () => parseAuditLog(readFileSync(auditLogPath, 'utf8'));
const isUsed = (grant: string) => !compareAccess(grants, requests()).unused.includes(grant);
const expectUse = (grant: string) => waitFor(`a use of ${grant}`, 60, () => isUsed(grant));

let web: Application;
let remove = async () => {};

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster();
  stack.defer(() => cluster.remove());
  web = await deployApplication();
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_200_000);

afterAll(async () => {
  removeApplication();
  await remove();
}, 60_000);

const system = (...words: string[]) => kubectl('-n', 'tendril-system', ...words);

/** The worker's pod of a DaemonSet, made anew: it reads its settings at the start. */
function restart(namespace: string, component: string): void {
  const select = ['-n', namespace, '-l', `app.kubernetes.io/component=${component}`];
  kubectl('delete', 'pod', ...select, '--field-selector', `spec.nodeName=${worker.name}`);
  kubectl('-n', namespace, 'rollout', 'status', `daemonset/tendril-${component}`, '--timeout=120s');
}

const restartAgent = () => restart('tendril-system', 'agent');

/** JavaScript, on the worker as one of its own processes, until it is disposed of. */
function runOnWorker(source: string): Disposable {
  const [command, ...words] = wordsOnNode(worker, process.execPath, '-e', source);
  const child = spawn(command!, words, { stdio: 'ignore' });
  return { [Symbol.dispose]: () => child.kill('SIGKILL') };
}

function setAgent(settings: object): void {
  system(
    'patch',
    'configmap',
    'tendril-agent',
    '-p',
    JSON.stringify({ data: { 'agent.json': JSON.stringify(settings) } }),
  );
}

test('an agent removes the start-up taint of its node', async () => {
  const key = 'example.com/network';
  const former = JSON.parse(
    system('get', 'configmap', 'tendril-agent', '-o', 'jsonpath={.data.agent\\.json}'),
  );
  setAgent({ ...former, startupTaint: key });
  try {
    restartAgent();
    kubectl('taint', 'node', worker.name, `${key}=:NoSchedule`);
    await waitFor('an untainted node', 30, () => {
      return !kubectl('get', 'node', worker.name, '-o', 'jsonpath={.spec.taints}').includes(key);
    });
  } finally {
    setAgent(former);
    restartAgent();
  }
}, 300_000);

test('a health check port that is taken is told by an Event', async () => {
  const name = 'taken';
  const healthCheckNodePort = 31_999;
  const listen = `require('net').createServer().listen(${healthCheckNodePort}, '::')`;
  using _listener = runOnWorker(listen);
  await waitFor(
    'the listener',
    20,
    () => onNode(worker, 'ss', '-Hltn', `sport = ${healthCheckNodePort}`) !== '',
  );
  const spec = {
    ...{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort },
    ...{ selector: { app: application }, ports: [{ port: 80 }] },
  };
  kubectlWith(
    JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec }),
    'apply',
    '-f',
    '-',
  );
  try {
    await waitFor('the Event', 30, () =>
      kubectl('get', 'events', '-o', 'jsonpath={.items[*].reason}').includes(
        'FailedToStartServiceHealthcheck',
      ),
    );
  } finally {
    kubectl('delete', 'service', name);
  }
}, 120_000);

test('an agent asks whether a pod that left its Service is gone, where connections lead to it', async () => {
  const [{ name, ips }] = web.servers as [Application['servers'][number]];
  const [address] = web.clusterIps;
  // So many that each server has some: which one a connection goes to is the datapath's choice.
  const connect = `for (let i = 0; i < 32; i++) require('net').connect(80, '${address}')`;
  using _connections = runOnWorker(connect);
  const established = ['state', 'established', 'dst', ips[0]!, 'dport', '=', '8080'];
  await waitFor('connections', 20, () => onNode(worker, 'ss', '-Htn', ...established) !== '');
  kubectl('label', 'pod', name, 'app-');
  try {
    await expectUse('tendril-agent: get pods');
  } finally {
    // Its DaemonSet has made another one meanwhile.
    kubectl('delete', 'pod', name);
  }
}, 120_000);

test('an agent reads pods, for whom policies name, once there is a NetworkPolicy', async () => {
  const policy = {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'tried' } },
    spec: { podSelector: { matchLabels: { app: 'nobody' } } },
  };
  kubectlWith(JSON.stringify(policy), 'apply', '-f', '-');
  try {
    await expectUse('tendril-agent: list pods');
    await expectUse('tendril-agent: watch pods');
  } finally {
    kubectl('delete', 'networkpolicy', policy.metadata.name);
  }
}, 120_000);

test('cluster DNS reads pods where its Corefile asks it to verify them', async () => {
  const kubeSystem = (...words: string[]) => kubectl('-n', 'kube-system', ...words);
  const former = kubeSystem('get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}');
  const set = (Corefile: string) => {
    kubeSystem('patch', 'configmap', 'coredns', '-p', JSON.stringify({ data: { Corefile } }));
    restart('kube-system', 'dns');
  };
  const verified = former.replace(/pods \w+/, 'pods verified');
  expect(verified).not.toBe(former);
  set(verified);
  try {
    await expectUse('tendril-dns: watch pods');
  } finally {
    set(former);
  }
}, 300_000);

describe('an agent’s Node', () => {
  const name = 'system:serviceaccount:tendril-system:tendril-agent';
  const claim = 'authentication.kubernetes.io/node-name';
  const account = `--as=${name}`;
  const on = (node: string) => `--as-user-extra=${claim}=${node}`;
  const label = { metadata: { labels: { 'tendril.dev/tried': 'yes' } } };
  const conditions = { status: { conditions: [{ type: 'Tried', status: 'True' }] } };
  const notOwn = 'may change the Node that it runs on, and no other';

  /** kubectl's own patch reads first, also what the account may not read. Nothing is changed. */
  function patch(node: string, body: object, { from }: { from?: string }): string {
    const path = `/api/v1/nodes/${node}${'status' in body ? '/status' : ''}?dryRun=All`;
    const headers = [
      'Content-Type: application/strategic-merge-patch+json',
      `Impersonate-User: ${name}`,
      ...(from === undefined ? [] : [`Impersonate-Extra-${encodeURIComponent(claim)}: ${from}`]),
    ];
    const words = ['-gsS', '--noproxy', '*', '-X', 'PATCH', '-d', JSON.stringify(body), ...asAdministrator];
    return onNode(
      controlPlane,
      'curl',
      ...words,
      ...headers.flatMap((header) => ['-H', header]),
      apiServer + path,
    );
  }

  test.each([label, conditions])('is the only one that it may change: %j', (body) => {
    expect(patch('n1', body, { from: 'n1' })).toContain('"kind": "Node"');
    expect(patch('n2', body, { from: 'n1' })).toContain(notOwn);
    expect(patch('n1', body, { from: '' })).toContain(notOwn);
    // A token that is of no pod tells no node.
    expect(patch('n1', body, {})).toContain(notOwn);
  });

  test('is not its to make, replace or delete, and no server-side apply makes one', () => {
    const own = [account, on('n1'), '--dry-run=server'];
    const node = (called: string) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: called } });
    expect(() => kubectlWith(node('n9'), 'create', '-f', '-', ...own)).toThrow('cannot create');
    expect(() => kubectlWith(node('n9'), 'apply', '--server-side', '-f', '-', ...own)).toThrow(
      'cannot create',
    );
    expect(() => kubectlWith(node('n1'), 'replace', '-f', '-', ...own)).toThrow('cannot update');
    expect(() => kubectl('delete', 'node', 'n1', ...own)).toThrow('cannot delete');
  });

  test('is changed by others as before', () => {
    const change = ['--type=merge', '-p', JSON.stringify(label), '--dry-run=server'];
    expect(kubectl('patch', 'node', 'n2', ...change)).toContain('n2');
  });
});

test('what is granted is used, and nothing else is asked for', () => {
  const { unused, denied, beyond } = compareAccess(grants, requests());
  expect(denied).toEqual([]);
  expect(beyond).toEqual([]);
  expect(unused).toEqual(Object.keys(rare).sort());
}, 300_000);
