/** kubectl finds in a lab what it finds in a cluster: reading and writing objects. */
import { describe, expect, test } from 'vitest';
import { useKubectlLab } from './support/kubectl.ts';
import { kubectls } from './support/kubectl-programs.ts';
import { until } from './support/until.ts';

const web = ({ replicas = 2, extra = '' } = {}) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web${extra}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
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

const inNamespace = `
apiVersion: v1
kind: Namespace
metadata: {name: short-lived}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: short-lived, labels: {passing: 'yes'}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, infinity]}]
`;

describe.each(kubectls())('kubectl $version', (entry) => {
  const { kubectl, tendril, attempt, run, apply, follow, minor } = useKubectlLab(entry);
  const get = (path: string, ...what: string[]) => kubectl('get', ...what, '-o', `jsonpath={${path}}`);

  test('apply creates, changes, and leaves alone what is as it should be', async () => {
    expect(await apply(web())).toBe('deployment.apps/web created\nservice/web created\n');
    expect(await apply(web({ replicas: 3 }))).toBe('deployment.apps/web configured\nservice/web unchanged\n');
    expect(await apply(web({ replicas: 3 }))).toBe('deployment.apps/web unchanged\nservice/web unchanged\n');
  });

  test('apply takes away what the manifest no longer has, and leaves what others have set', async () => {
    await kubectl('annotate', 'deploy', 'web', 'of-another=yes');
    await apply(web({ replicas: 3, extra: ', annotations: {kept: "no"}' }));
    expect(await get('.metadata.annotations.kept', 'deploy', 'web')).toBe('no');
    await apply(web({ replicas: 3 }));
    expect(await get('.metadata.annotations.kept', 'deploy', 'web')).toBe('');
    expect(await get('.metadata.annotations.of-another', 'deploy', 'web')).toBe('yes');
  });

  test('diff tells what apply would change, and changes nothing', async () => {
    expect(await run(['diff', '-f', '-'], { stdin: web({ replicas: 3 }) })).toMatchObject({
      code: 0,
      stdout: '',
    });
    const { code, stdout } = await run(['diff', '-f', '-'], { stdin: web({ replicas: 5 }) });
    expect([code, stdout]).toEqual([1, expect.stringMatching(/- {2}replicas: 3\n\+ {2}replicas: 5\n/)]);
    expect(await get('.spec.replicas', 'deploy', 'web')).toBe('3');
  });

  test('get: tables and wide tables', async () => {
    await kubectl('wait', '--for=condition=Available', 'deploy/web', '--timeout=30s');
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
    expect(await kubectl('get', 'all')).toMatch(
      /pod\/web-.*service\/web.*deployment\.apps\/web.*replicaset/s,
    );
    expect(await kubectl('get', 'pods', '--show-labels')).toMatch(/app=web,pod-template-hash=/);
  });

  test('get: selectors of labels and fields, all namespaces', async () => {
    const names = async (...args: string[]) =>
      (await kubectl('get', 'pods', '-o', 'name', ...args)).split('\n').filter(Boolean);
    expect(await names('-l', 'app=web')).toHaveLength(3);
    expect(await names('-l', 'app in (web, db),app!=db')).toHaveLength(3);
    expect(await names('-l', 'app!=web')).toEqual([]);
    expect(await names('--field-selector', 'spec.nodeName=nowhere')).toEqual([]);
    expect(await names('--field-selector', 'status.phase=Running')).toHaveLength(3);
    expect(await kubectl('get', 'pods', '-A')).toContain('kube-system');
  });

  test('get: YAML, JSON, names, paths, columns of one’s own', async () => {
    expect(await kubectl('get', 'svc', 'web', '-o', 'yaml')).toMatch(/^apiVersion: v1\nkind: Service\n/);
    expect(JSON.parse(await kubectl('get', 'svc', '-o', 'json'))).toMatchObject({ kind: 'List' });
    expect(await kubectl('get', 'svc', 'web', '-o', 'name')).toBe('service/web\n');
    expect(await get('.spec.ports[0].targetPort', 'svc', 'web')).toBe('http');
    const columns = 'custom-columns=N:.metadata.name,P:.spec.ports[*].port';
    expect(await kubectl('get', 'svc', 'web', '-o', columns)).toBe('N     P\nweb   80\n');
    // Names of which every kubectl thinks the same: pods' end in random digits and letters.
    const sorted = await kubectl('get', 'namespaces', '-o', 'name', '--sort-by=.metadata.name');
    const names = sorted.trim().split('\n');
    expect([names.length > 3, names]).toEqual([true, names.toSorted()]);
  });

  test('tendril get shows the same object', async () => {
    const service = JSON.parse(await kubectl('get', 'svc', 'web', '-o', 'json'));
    // kubectl shows managers only when asked, since 1.21.
    delete service.metadata.managedFields;
    expect(JSON.parse(await tendril('get', 'svc', 'web', '-o', 'json'))).toEqual(service);
    expect(await tendril('get', 'svc', 'web', '-o', 'yaml')).toMatch(/^apiVersion: v1\nkind: Service\n/);
  });

  test('get -w shows a change as it happens', async () => {
    using watch = follow('get', 'deploy', 'web', '-w');
    await until('the first line', () => watch.text().includes('3/3'));
    expect(await kubectl('scale', 'deploy/web', '--replicas=4')).toBe('deployment.apps/web scaled\n');
    await until('the change', () => watch.text().includes('4/4'));
  });

  test('describe shows events, endpoints and conditions', async () => {
    expect(await kubectl('describe', 'pods', '-l', 'app=web', '--show-events=true')).toMatch(
      /Successfully assigned default\/web-\S+ to node-/,
    );
    expect(await kubectl('describe', 'svc', 'web')).toMatch(/Endpoints: +10\.244\.\d+\.\d+:8080,/);
    expect(await kubectl('describe', 'deploy', 'web')).toMatch(
      /Available +True.*ScalingReplicaSet.*Scaled up replica set web-\w+ /s,
    );
    expect(await kubectl('describe', 'node', 'node-1')).toMatch(/Ready +True.*PodCIDRs: +10\.244\./s);
  });

  test('label and annotate, and take it back', async () => {
    expect(await kubectl('label', 'svc', 'web', 'tier=front')).toContain('service/web labeled');
    expect((await attempt('label', 'svc', 'web', 'tier=back')).stderr).toContain('--overwrite is false');
    await kubectl('label', 'svc', 'web', 'tier-');
    await kubectl('annotate', 'svc', 'web', 'note=x');
    expect(await get('.metadata.annotations.note}{.metadata.labels', 'svc', 'web')).toBe('x');
  });

  test('the three kinds of patch', async () => {
    const port = '{"spec":{"ports":[{"port":81,"name":"more","targetPort":8080}]}}';
    await kubectl('patch', 'svc', 'web', '-p', port);
    expect(await get('.spec.ports[*].port', 'svc', 'web')).toBe('81 80');
    await kubectl('patch', 'svc', 'web', '--type=json', '-p', '[{"op":"remove","path":"/spec/ports/0"}]');
    await kubectl('patch', 'svc', 'web', '--type=merge', '-p', '{"metadata":{"annotations":{"note":null}}}');
    expect(await get('.spec.ports[*].port}{.metadata.annotations.note', 'svc', 'web')).toBe('80');
  });

  test.runIf(minor >= 24)('a patch and a look at a subresource', async () => {
    const replicas = JSON.stringify({ spec: { replicas: 3 } });
    await kubectl('patch', 'deploy', 'web', '--subresource=scale', '--type=merge', '-p', replicas);
    expect(await kubectl('get', 'deploy', 'web', '--subresource=scale')).toMatch(/web +3 +/);
    expect(await get('.status.replicas', 'deploy', 'web', '--subresource=status')).not.toBe('');
  });

  test('edit and replace', async () => {
    const EDITOR = 'sed -i s/targetPort:.*/targetPort:\\ 8080/';
    const edited = await run(['edit', 'svc', 'web'], { env: { EDITOR } });
    expect(edited).toMatchObject({ code: 0, stdout: 'service/web edited\n' });
    const service = await kubectl('get', 'svc', 'web', '-o', 'json');
    const replaced = await run(['replace', '-f', '-'], { stdin: service.replace('8080', '8081') });
    expect(replaced.stdout).toBe('service/web replaced\n');
    expect(await get('.spec.ports[0].targetPort', 'svc', 'web')).toBe('8081');
    const stale = await run(['replace', '-f', '-'], { stdin: service });
    expect(stale.stderr).toContain('the object has been modified; please apply your changes to the latest');
  });

  test('explain, api-resources, api-versions, version, cluster-info', async () => {
    expect(await kubectl('explain', 'pod.spec.containers')).toMatch(/image\s.*<string>/);
    expect(await kubectl('explain', 'pod.spec.containers.ports.containerPort')).toMatch(/integer/);
    expect(await kubectl('api-resources')).toMatch(/deployments +deploy +apps\/v1 +true +Deployment/);
    expect(await kubectl('api-versions')).toContain('discovery.k8s.io/v1\n');
    expect(JSON.parse(await kubectl('version', '-o', 'json')).serverVersion.major).toBe('1');
    expect(await kubectl('cluster-info')).toMatch(/is running at \S*https:\/\/127\.0\.0\.1/);
  });

  test('who may do what', async () => {
    expect((await attempt('auth', 'can-i', 'create', 'pods')).stdout).toBe('yes\n');
  });

  test('errors are the server’s, in Kubernetes’ words', async () => {
    expect((await attempt('get', 'pod', 'nobody')).stderr).toBe(
      'Error from server (NotFound): pods "nobody" not found\n',
    );
    const immutable = await attempt('patch', 'svc', 'web', '-p', '{"spec":{"clusterIP":"10.96.0.77"}}');
    expect(immutable.stderr).toContain('spec.clusterIPs[0]: Invalid value: ["10.96.0.77"]: may not change');
    expect((await attempt('top', 'pods')).stderr).toContain('Metrics API not available');
  });

  test('apply on the server: managers, a conflict, and force', async () => {
    const map = (value: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: shared}
data: {key: ${value}}
`;
    const apply = (manager: string, value: string, ...more: string[]) =>
      run(['apply', '--server-side', '--field-manager', manager, ...more, '-f', '-'], { stdin: map(value) });
    expect((await apply('one', 'a')).stdout).toBe('configmap/shared serverside-applied\n');
    const refused = await apply('two', 'b');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('conflict with "one": .data.key');
    expect((await apply('two', 'b', '--force-conflicts')).stdout).toBe(
      'configmap/shared serverside-applied\n',
    );
    expect(await get('.data.key', 'configmap', 'shared')).toBe('b');
    expect(await get('.metadata.managedFields[*].manager', 'configmap', 'shared')).toBe('two');
    await kubectl('delete', 'configmap', 'shared');
  });

  test('delete by file, by label, by name, and wait for it', async () => {
    await apply(inNamespace);
    using gone = follow('wait', '--for=delete', 'pod/p', '-n', 'short-lived', '--timeout=30s');
    expect(await kubectl('delete', 'pod', '-n', 'short-lived', '-l', 'passing=yes', '--wait')).toMatch(
      /pod "p" (force )?deleted/,
    );
    await until('the one who waits has seen it', () => /condition met|deleted|^$/.test(gone.text()));
    await apply(inNamespace);
    await kubectl('delete', 'ns', 'short-lived', '--timeout=30s');
    expect((await attempt('get', 'ns', 'short-lived')).stderr).toContain('not found');
    // Newer ones say from where.
    expect((await run(['delete', '-f', '-'], { stdin: web() })).stdout).toMatch(
      /^deployment.apps "web" deleted.*\nservice "web" deleted.*\n$/,
    );
    expect((await attempt('get', 'deploy', 'web')).stderr).toContain('not found');
    await until('its pods are gone', async () => (await kubectl('get', 'pods', '-o', 'name')) === '');
  });
});
