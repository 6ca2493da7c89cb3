/** kubectl create and its like. Since 1.32 kubectl sends these in protobuf, older ones in JSON. */
import { describe, expect, test } from 'vitest';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls } from './support/kubectl-programs.ts';

/** What is typed after `create`, and the name of what there is then. */
const creations: [args: string, name: string, warning?: string][] = [
  ['namespace tools', 'namespace/tools'],
  ['deployment web --image=nginx --replicas=2 --port=80', 'deployment.apps/web'],
  ['configmap settings --from-literal=a=b', 'configmap/settings'],
  ['secret generic key --from-literal=a=b', 'secret/key'],
  ['service clusterip inside --tcp=80:8080', 'service/inside'],
  ['service nodeport outside --tcp=80:8080', 'service/outside'],
  ['service externalname elsewhere --external-name=example.com', 'service/elsewhere'],
  ['serviceaccount robot', 'serviceaccount/robot'],
  ['role reader --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/reader'],
  [
    'rolebinding robots --role=reader --serviceaccount=default:robot',
    'rolebinding.rbac.authorization.k8s.io/robots',
  ],
  ['job once --image=busybox -- true', 'job.batch/once'],
  [
    'ingress shop --rule=shop.example/cart=inside:80',
    'ingress.networking.k8s.io/shop',
    'Ingresses are stored here, and not served yet',
  ],
  ['priorityclass urgent --value=10', 'priorityclass.scheduling.k8s.io/urgent'],
];

describe.each(kubectls())('kubectl $version', (entry) => {
  const { kubectl, attempt, run } = useKubectlLab(entry);

  test.each(creations)('create %s', async (text, name, warning) => {
    const made = await attempt('create', ...text.split(' '));
    expect(made).toMatchObject({ code: 0, stdout: `${name} created\n` });
    expect(made.stderr).toBe(warning === undefined ? '' : `Warning: ${warning}\n`);
    expect(await kubectl('get', name, '-o', 'name')).toBe(`${name}\n`);
  });

  test('create -f, and the second time', async () => {
    const stdin = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"many-"}}';
    expect((await run(['create', '-f', '-'], { stdin })).stdout).toMatch(/^configmap\/many-\w{5} created\n$/);
    const twice = stdin.replace('"generateName":"many-"', '"name":"settings"');
    expect((await run(['create', '-f', '-'], { stdin: twice })).stderr).toContain(
      'Error from server (AlreadyExists): error when creating "STDIN": configmaps "settings" already exists',
    );
  });

  test('a mistake in a manifest is found before anything is stored', async () => {
    const stdin =
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"odd"},"spec":{"prots":[],"ports":[{"port":80}]}}';
    const { code, stderr } = await run(['apply', '-f', '-'], { stdin });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/unknown field "(ServiceSpec\.|spec\.)?prots"/),
    ]);
    expect((await attempt('get', 'svc', 'odd')).stderr).toContain('not found');
  });

  test('a dry run by the server has its defaults and leaves nothing', async () => {
    const stdin =
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"dry"},"spec":{"ports":[{"port":80}]}}';
    const { stdout } = await run(['apply', '-f', '-', '--dry-run=server', '-o', 'yaml'], { stdin });
    expect(stdout).toContain('sessionAffinity: None');
    expect((await attempt('get', 'svc', 'dry')).stderr).toContain('not found');
  });

  test('run, expose', async () => {
    expect(await kubectl('run', 'single', '--image=nginx', '--port=80')).toBe('pod/single created\n');
    expect(await kubectl('expose', 'pod', 'single', '--port=80')).toBe('service/single exposed\n');
    expect(await kubectl('expose', 'deploy', 'web', '--type=NodePort', '--name=exposed')).toBe(
      'service/exposed exposed\n',
    );
    await kubectl('wait', '--for=condition=Ready', 'pod/single', '--timeout=30s');
    expect(await kubectl('get', 'endpoints', 'single')).toMatch(/10\.244\.\d+\.\d+:80/);
  });

  test('autoscale is stored, with a word about it', async () => {
    const made = await attempt('autoscale', 'deploy', 'web', '--min=1', '--max=3', '--cpu-percent=60');
    expect(made.stderr).toContain('Warning: HorizontalPodAutoscalers are stored here, and scale nothing');
    const target = 'jsonpath={.spec.targetCPUUtilizationPercentage}';
    expect(await kubectl('get', 'horizontalpodautoscalers.v1.autoscaling', 'web', '-o', target)).toBe('60');
  });

  test('what every cluster has comes back', async () => {
    await kubectl('delete', 'serviceaccount', 'default');
    await kubectl('delete', 'svc', '--all');
    expect(await kubectl('get', 'serviceaccount', 'default', '-o', 'name')).toBe('serviceaccount/default\n');
    expect(await kubectl('get', 'svc', 'kubernetes')).toContain('10.96.0.1');
  });
});
