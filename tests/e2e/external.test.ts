/** A lab on a real control plane: what only that has, beside the checks that both have. `make test-external` */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReal, startControlPlane, type TestControlPlane } from './support/control-plane.ts';
import { createLab, labName, type TestLab } from './support/lab.ts';
import { shopManifest } from './support/shop.ts';
import { must } from './support/tendril.ts';

describe.skipIf(!isReal)('on kube-apiserver, kube-controller-manager and kube-scheduler', () => {
  let plane: TestControlPlane;
  let lab: TestLab;
  const kubectl = async (...args: string[]) => must(lab.kubectl(...args));
  const up = (...args: string[]) =>
    lab.tendril(['up', ...plane.args, '--nodes', '2', ...args], { stdin: shopManifest });

  beforeAll(async () => {
    plane = await startControlPlane();
    lab = createLab(labName());
    await must(up('-f', '-'));
  });

  afterAll(async () => {
    await lab?.down();
    await plane?.down();
  });

  test('exec, its exit status, logs and the API itself from a pod, by the ways that a kubelet has', async () => {
    expect(await kubectl('exec', 'client', '--', 'echo', 'through the kubelet')).toBe(
      'through the kubelet\n',
    );
    const { code } = await lab.kubectl('exec', 'client', '--', 'sh', '-c', 'exit 3');
    expect(code).toBe(3);
    await kubectl('run', 'talker', '--image=busybox', '--restart=Never', '--', 'echo', 'said this');
    await expect
      .poll(() => kubectl('logs', 'talker').catch(() => ''), { timeout: 20_000 })
      .toBe('said this\n');
    const at = '/var/run/secrets/kubernetes.io/serviceaccount';
    const curl = `curl -s -m 5 --cacert ${at}/ca.crt -H "Authorization: Bearer $(cat ${at}/token)"`;
    const asked = `${curl} https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews -H content-type:application/json -d '{}'`;
    const review = await kubectl('exec', 'client', '--', 'sh', '-c', asked);
    expect(review).toContain('system:serviceaccount:default:default');
  });

  test('pod CIDRs are those of kube-controller-manager, and nodes are told whose they are', async () => {
    const { items } = JSON.parse(await kubectl('get', 'nodes', '-o', 'json'));
    for (const { metadata, spec } of items) {
      expect(metadata.labels['tendril.dev/lab']).toBe(lab.name);
      expect(spec.podCIDRs).toEqual([
        expect.stringMatching(/^10\.244\./),
        expect.stringMatching(/^fd00:10:244:/),
      ]);
    }
  });

  test('the datapath goes on without the API server, and follows it when it is back', async () => {
    await plane.stop();
    try {
      // By a NodePort: to find a pod, exec asks the API.
      const answer = await lab.exec(['--outside'], 'curl', '-s', '-m', '5', 'http://172.20.0.11:30090/');
      expect(answer).toContain('"pod":"backend-');
    } finally {
      await plane.start();
    }
    await kubectl('scale', 'deploy/backend', '--replicas=4');
    await kubectl('rollout', 'status', 'deploy/backend', '--timeout=50s');
  }, 120_000);

  test('status: whose API server and controllers the lab has', async () => {
    const text = await must(lab.tendril(['status']));
    expect(text).toMatch(/^API server: https:\/\/127\.0\.0\.1:\d+, v1\.36\.\d+, external; .* not at all/m);
    expect(text.match(/^(pod CIDRs|workloads|scheduler).* the cluster$/gm)).toHaveLength(3);
  });

  test('Service CIDRs that are not those of the cluster, or are', async () => {
    const other = createLab(labName());
    const at = async (cidrs: string) =>
      (await other.tendril(['up', ...plane.args, '--service-cidr', cidrs])).stderr;
    expect(await at('10.1.0.0/16')).toContain(
      'Service CIDRs are 10.96.0.0/16,fd00:10:96::/112, not 10.1.0.0/16',
    );
    expect(await at('fd00:10:96::/112,10.96.0.0/16')).toContain('has nodes of these names already');
  });

  test('names of nodes that are there already: nothing is made', async () => {
    const other = createLab(labName());
    const { code, stderr } = await other.tendril(['up', ...plane.args, '--nodes', '1']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('has nodes of these names already: node-1')]);
    expect((await other.tendril(['status'])).stderr).toContain('no lab named');
  });

  test('a user who may nothing, and a server that there is not', async () => {
    const other = createLab(labName());
    const at = (kubeconfig: string) =>
      other.tendril(['up', '--external-apiserver', '--kubeconfig', kubeconfig]);
    expect((await at(`${plane.kubeconfig}-nobody`)).stderr).toContain('may not do everything');
    expect((await at('/nowhere')).stderr).toContain('/nowhere cannot be read');
  });

  test('down takes what the lab made there, and leaves what was applied', async () => {
    const config = (await must(lab.tendril(['kubeconfig']))).trim();
    expect(config).not.toBe('');
    await lab.down();
    const again = createLab(labName());
    await must(again.tendril(['up', ...plane.args, '--nodes', '1']));
    const { items } = JSON.parse(await must(again.kubectl('get', 'nodes', '-o', 'json')));
    expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual(['node-1']);
    const { stdout } = await again.kubectl('get', 'deploy', '-o', 'name');
    expect(stdout).toContain('deployment.apps/backend');
    await again.down();
  }, 120_000);

  test('pod CIDRs that are not those of the cluster: what was made is undone', async () => {
    const other = createLab(labName());
    const { code, stderr } = await other.tendril(['up', ...plane.args, '--pod-cidr', '10.1.0.0/16']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/gives node-\d the pod CIDRs 10\.244\..* and the lab's are 10\.1\.0\.0\/16,/),
    ]);
    expect(stderr).toContain('--cluster-cidr');
    expect((await other.tendril(['status'])).stderr).toContain('no lab named');
  });
});
