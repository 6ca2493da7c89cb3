/** kubectl finds in a lab what it finds in a cluster. */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectls } from './support/kubectl.ts';
import { bringUp, type TestLab } from './support/lab.ts';
import { must, type Output, run } from './support/tendril.ts';
import { until } from './support/until.ts';

const web = (replicas: number, extra = '') => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web${extra}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: server, image: 'example.com/web:1', ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
`;

describe.each(kubectls())('kubectl $version', ({ path }) => {
  let lab: TestLab;
  let kubeconfig: string;

  beforeAll(async () => {
    lab = await bringUp({ args: ['--nodes', '2'] });
    kubeconfig = (await must(lab.tendril(['kubeconfig']))).trim();
  });

  afterAll(() => lab?.down());

  const attempt = (...args: string[]): Promise<Output> =>
    run(path, args, { env: { KUBECONFIG: kubeconfig } });
  const kubectl = (...args: string[]): Promise<string> => must(attempt(...args));
  const apply = async (manifest: string): Promise<string> =>
    must(run(path, ['apply', '-f', '-'], { env: { KUBECONFIG: kubeconfig }, stdin: manifest }));

  test('apply creates, changes, and leaves alone what is as it should be', async () => {
    expect(await apply(web(2))).toBe('deployment.apps/web created\nservice/web created\n');
    expect(await apply(web(3))).toBe('deployment.apps/web configured\nservice/web unchanged\n');
    expect(await apply(web(3))).toBe('deployment.apps/web unchanged\nservice/web unchanged\n');
  });

  test('apply takes away what the manifest no longer has', async () => {
    await apply(web(3, ', annotations: {kept: "no"}'));
    expect(await kubectl('get', 'deploy', 'web', '-o', 'yaml')).toContain('kept: "no"');
    await apply(web(3));
    expect(await kubectl('get', 'deploy', 'web', '-o', 'jsonpath={.metadata.annotations.kept}')).toBe('');
  });

  test('rollout status and wait', async () => {
    expect(await kubectl('rollout', 'status', 'deploy/web', '--timeout=30s')).toContain(
      'successfully rolled out',
    );
    expect(await kubectl('wait', '--for=condition=Available', 'deploy/web', '--timeout=10s')).toContain(
      'condition met',
    );
  });

  test('get: tables, wide tables, names, paths, selectors', async () => {
    expect(await kubectl('get', 'deploy')).toMatch(
      /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +3\/3 +3 +3/,
    );
    expect(await kubectl('get', 'pods', '-o', 'wide')).toMatch(
      /1\/1 +Running +0 +\S+ +10\.244\.\d+\.\d+ +node-\d/,
    );
    expect(await kubectl('get', 'nodes', '-o', 'wide')).toMatch(/node-1 +Ready .* 172\.20\.0\.11 /);
    expect(await kubectl('get', 'svc', 'web')).toMatch(
      /web +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d+\/TCP/,
    );
    expect((await kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n')).toHaveLength(3);
    expect(await kubectl('get', 'pods', '-l', 'app!=web', '-o', 'name')).toBe('');
    expect(await kubectl('get', 'pods', '--field-selector', 'spec.nodeName=nowhere', '-o', 'name')).toBe('');
    expect(await kubectl('get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[0].targetPort}')).toBe('http');
    expect(await kubectl('get', 'pods', '-A')).toContain('kube-system');
  });

  test('get -w shows a change as it happens', async () => {
    const watch = spawn(path, ['get', 'deploy', 'web', '-w'], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
    });
    let shown = '';
    watch.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    await until('the first line', () => shown.includes('3/3'));
    await kubectl('scale', 'deploy/web', '--replicas=4');
    await until('the change', () => shown.includes('4/4'));
    watch.kill();
  });

  test('describe shows events, endpoints and conditions', async () => {
    expect(await kubectl('describe', 'pods', '-l', 'app=web')).toMatch(
      /Successfully assigned default\/web-\S+ to node-/,
    );
    expect(await kubectl('describe', 'svc', 'web')).toMatch(/Endpoints: +10\.244\.\d+\.\d+:8080,/);
    expect(await kubectl('describe', 'deploy', 'web')).toMatch(/Available +True/);
    expect(await kubectl('describe', 'node', 'node-1')).toMatch(/Ready +True/);
  });

  test('label, annotate and the three kinds of patch', async () => {
    await kubectl('label', 'svc', 'web', 'tier=front');
    await kubectl('annotate', 'svc', 'web', 'note=x');
    const port = '{"spec":{"ports":[{"port":81,"name":"more","targetPort":8080}]}}';
    await kubectl('patch', 'svc', 'web', '-p', port);
    expect(await kubectl('get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[*].port}')).toBe('81 80');
    await kubectl('patch', 'svc', 'web', '--type=json', '-p', '[{"op":"remove","path":"/spec/ports/0"}]');
    await kubectl('patch', 'svc', 'web', '--type=merge', '-p', '{"metadata":{"labels":{"tier":null}}}');
    expect(await kubectl('get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[*].port}{.metadata.labels}')).toBe(
      '80',
    );
  });

  test('a new image is rolled out, taken back, and the pods restarted', async () => {
    const image = () =>
      kubectl('get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
    const settled = () => kubectl('rollout', 'status', 'deploy/web', '--timeout=30s');
    await kubectl('set', 'image', 'deploy/web', 'server=example.com/web:2');
    await settled();
    expect(await kubectl('rollout', 'history', 'deploy/web')).toMatch(/1 .*\n2 /);
    await kubectl('rollout', 'undo', 'deploy/web');
    await settled();
    expect(await image()).toBe('example.com/web:1');
    await kubectl('rollout', 'restart', 'deploy/web');
    await settled();
  });

  test('logs of a pod found by its Deployment', async () => {
    await kubectl('run', 'teller', '--image=busybox', '--restart=Never', '--', 'echo', 'once upon a time');
    await until('it has told', async () => (await kubectl('get', 'pod', 'teller')).includes('Completed'));
    expect(await kubectl('logs', 'teller')).toBe('once upon a time\n');
  });

  test('cordon, drain and uncordon', async () => {
    await kubectl('cordon', 'node-2');
    expect(await kubectl('get', 'node', 'node-2')).toContain('Ready,SchedulingDisabled');
    await kubectl('drain', 'node-2', '--ignore-daemonsets', '--force', '--timeout=60s');
    const left = await kubectl('get', 'pods', '--field-selector', 'spec.nodeName=node-2', '-o', 'name');
    expect(left).toBe('');
    await kubectl('uncordon', 'node-2');
  });

  test('explain, api-resources, api-versions', async () => {
    expect(await kubectl('explain', 'pod.spec.containers.ports.containerPort')).toMatch(/integer/);
    expect(await kubectl('api-resources')).toMatch(/deployments +deploy +apps\/v1 +true +Deployment/);
    expect(await kubectl('api-versions')).toContain('discovery.k8s.io/v1\n');
  });

  test('errors are the server’s, in Kubernetes’ words', async () => {
    expect((await attempt('get', 'pod', 'nobody')).stderr).toBe(
      'Error from server (NotFound): pods "nobody" not found\n',
    );
    const immutable = await attempt('patch', 'svc', 'web', '-p', '{"spec":{"clusterIP":"10.96.0.77"}}');
    expect(immutable.stderr).toContain('spec.clusterIPs[0]: Invalid value');
    expect((await attempt('top', 'pods')).stderr).toContain('Metrics API not available');
  });

  test('delete by name, by label, by namespace', async () => {
    await kubectl('delete', 'pod', 'teller');
    await kubectl(
      'delete',
      'deploy,svc',
      '-l',
      'app!=web',
      '--field-selector',
      'metadata.name=web',
      '--wait',
    );
    expect((await attempt('get', 'deploy', 'web')).stderr).toContain('not found');
    await must(run(path, ['apply', '-f', '-'], { env: { KUBECONFIG: kubeconfig }, stdin: inNamespace }));
    await kubectl('delete', 'ns', 'short-lived', '--timeout=30s');
    expect((await attempt('get', 'ns', 'short-lived')).stderr).toContain('not found');
  });
});

const inNamespace = `
apiVersion: v1
kind: Namespace
metadata: {name: short-lived}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: short-lived}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, infinity]}]
`;
