/** kubectl on budgets, schedules, Service CIDRs, and containers that come later. */
import { describe, expect, test } from 'vitest';
import { currentKubectl } from './support/go-programs.ts';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls } from './support/kubectl-programs.ts';
import { until } from './support/until.ts';

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      containers: [{name: server, image: 'example.com/server:1', ports: [{containerPort: 8080}]}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  terminationGracePeriodSeconds: 0
  nodeName: node-1
  containers: [{name: c, image: busybox, command: [sleep, '86400']}]
`;

const cronJob = `
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: '@every 1s'
  timeZone: Europe/Zurich
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: c, image: busybox, command: [echo, tick]}]
`;

const secondCidr = `
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: second}
spec: {cidrs: [10.250.0.0/24, 'fd00:250::/112']}
`;
const service = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ipFamilyPolicy: RequireDualStack
  clusterIPs: [10.250.0.9, 'fd00:250::9']
  clusterIP: 10.250.0.9
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
`;

describe.each([...kubectls(), ...currentKubectl()])('kubectl $version', (entry) => {
  const { kubectl, attempt, run, apply, talk, minor } = useKubectlLab(entry);
  const field = (what: string, path: string) =>
    kubectl('get', ...what.split(' '), '-o', `jsonpath={${path}}`);

  test('a budget is counted', async () => {
    await apply(manifest);
    await kubectl('rollout', 'status', 'deploy/web', '--timeout=30s');
    await kubectl('wait', '--for=condition=Ready', 'pod/box', '--timeout=30s');
    await until(
      'both pods are counted',
      async () => (await field('pdb web', '.status.currentHealthy')) === '2',
    );
    expect(await kubectl('get', 'pdb', 'web')).toMatch(/web +2 +N\/A +0 /);
    // Older ones describe policy/v1beta1.
    if (minor >= 21) expect(await kubectl('describe', 'pdb', 'web')).toMatch(/Allowed disruptions: +0/i);
  });

  test('a drain waits for what the budget allows', async () => {
    const flag = minor >= 20 ? '--delete-emptydir-data' : '--delete-local-data';
    using drain = talk(['drain', 'node-2', '--ignore-daemonsets', flag, '--timeout=60s']);
    const refused = "Cannot evict pod as it would violate the pod's disruption budget.";
    await until('it is refused', () => drain.errors().includes(refused));
    expect(await kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).toMatch(/^(pod\/web-\S+\n){2}$/);
    await kubectl('patch', 'pdb', 'web', '--type=merge', '-p', '{"spec":{"minAvailable":1}}');
    await until('it is done', () => /node\/node-2 (drained|evicted)/.test(drain.text()));
    await kubectl('uncordon', 'node-2');
    await kubectl('rollout', 'status', 'deploy/web', '--timeout=30s');
    expect(await field('pdb web', '.status.disruptedPods')).toBe('');
  });

  test('a CronJob starts its Job', async () => {
    await apply(cronJob);
    const job = async () => (await field('jobs', '.items[*].metadata.name')).split(' ')[0]!;
    await until('there is a Job', async () => (await job()) !== '');
    expect(await job()).toMatch(/^tick-\d+$/);
    await until('it is done', async () => (await field('cronjob tick', '.status.lastSuccessfulTime')) !== '');
    expect(await kubectl('logs', `job/${await job()}`)).toBe('tick\n');
    await kubectl('patch', 'cronjob', 'tick', '-p', '{"spec":{"suspend":true}}');
    expect(await kubectl('get', 'cronjob', 'tick')).toMatch(
      /tick +@every 1s +(Europe\/Zurich +)?True +\d+ +\d+s/,
    );
    await kubectl('delete', 'cronjob', 'tick');
    await until('its Jobs go with it', async () => (await job()) === '');
  });

  test('a second ServiceCIDR gives addresses that nodes know', async () => {
    expect(await kubectl('get', 'servicecidr', 'kubernetes')).toMatch(
      /kubernetes +10\.96\.0\.0\/\d+,fd00\S+/,
    );
    await apply(secondCidr);
    await kubectl('wait', '--for=condition=Ready', 'servicecidr/second', '--timeout=10s');
    await apply(service);
    expect(await kubectl('get', 'ipaddress', '10.250.0.9')).toMatch(/10\.250\.0\.9 +services\/default\/web/);
    expect(await field('ipaddress fd00:250::9', '.spec.parentRef.name')).toBe('web');
    const fetch = (url: string) => attempt('exec', 'box', '--', 'curl', '-gsS', '-m', '2', url);
    for (const host of ['10.250.0.9', '[fd00:250::9]'])
      await until(`${host} answers`, async () => (await fetch(`http://${host}/`)).code === 0);
    // Silence, where a packet to nowhere would be answered by the fabric.
    expect(await fetch('http://10.250.0.77/')).toMatchObject({ stderr: expect.stringMatching(/timed out/i) });
  });

  test('a ServiceCIDR stays while a Service has an address of it', async () => {
    await kubectl('delete', 'servicecidr', 'second', '--wait=false');
    const ready = () => field('servicecidr second', '.status.conditions[?(@.type=="Ready")].reason');
    await until('it is Terminating', async () => (await ready()) === 'Terminating');
    const another = await run(['create', '-f', '-'], {
      stdin: service.replaceAll('web', 'other').replaceAll('9', '8'),
    });
    expect(another.stderr).toContain('the provided network does not match the current range');
    await kubectl('delete', 'service', 'web');
    await until('it is gone', async () => (await attempt('get', 'servicecidr', 'second')).code !== 0);
  });

  test('debug adds a container to a pod that runs', async ({ skip }) => {
    skip(minor < 23, 'this kubectl knows ephemeral containers as another kind');
    const into = ['debug', 'box', '--image=busybox', '--target=c'];
    using typing = talk([...into, '-c', 'first', '-i', '--', 'cat']);
    typing.type('hello\n');
    await until('cat answers', () => typing.text().includes('hello'));
    await kubectl(
      ...into,
      '-c',
      'second',
      '--',
      'sh',
      '-c',
      'tr "\\0" " " < /proc/1/cmdline; ip -4 -o addr show eth0',
    );
    const ended = (name: string) =>
      field('pod box', `.status.ephemeralContainerStatuses[?(@.name=="${name}")].state.terminated.reason`);
    await until('it has ended', async () => (await ended('second')) === 'Completed');
    const said = await kubectl('logs', 'box', '-c', 'second');
    expect(said).toContain('sleep 86400');
    expect(said).toContain(await field('pod box', '.status.podIP'));
    expect(await kubectl('get', 'pod', 'box')).toMatch(/box +1\/1 +Running +0/);
    expect(await kubectl('describe', 'pod', 'box')).toContain('Ephemeral Containers:');
  });
});
