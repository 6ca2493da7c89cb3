/** Cluster names answered in the kernel, at pods of a lab: that they are, that they outlive agent and servers, and when they are not. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { must } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: { name: client, labels: { app: client } }
spec: { nodeName: node-1, containers: [{ name: main, image: busybox, command: [sleep, infinity] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ipFamilyPolicy: PreferDualStack, selector: { app: client }, ports: [{ port: 80 }] }
`;

let lab: TestCluster;
beforeAll(async () => {
  lab = await bringUp({ manifest, args: ['--nodes', '2'] });
});
afterAll(() => lab?.down());

const onNode = (...command: string[]) => lab.exec(['--node', 'node-1'], ...command);
const dig = async (...words: string[]) => {
  const answer = await lab.exec(['client'], 'dig', '+nocookie', '+tries=1', '+time=2', ...words);
  return { status: /status: (\w+)/.exec(answer)?.[1], text: answer };
};
const addresses = async (name: string, type: string) =>
  (await lab.exec(['client'], 'dig', '+nocookie', '+short', '+tries=1', '+time=2', name, type)).trim();

/** Pids of the node's processes, its pods' too, whose command line matches. */
function nodeProcesses(commandLine: RegExp): number[] {
  return lab.processes('node-1').filter((pid) => {
    const file = `/proc/${pid}/cmdline`;
    return existsSync(file) && commandLine.test(readFileSync(file, 'utf8'));
  });
}

async function questions(): Promise<Record<string, number>> {
  const address = (await onNode('hostname', '-I')).trim().split(' ')[0]!;
  const text = await onNode('curl', '-s', `http://${address}:${lab.agentPort}/metrics`);
  const lines = text.matchAll(/^tendril_dns_kernel_questions_total\{result="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, result, count]) => [result!, Number(count)]));
}

/** What the kernel did meanwhile. */
async function during(run: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await questions();
  await run();
  const after = await questions();
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - before[name]!]));
}

const name = 'web.default.svc.cluster.local';
const labStatus = 'a lab’s status says who answers names, and since when; a real cluster’s does not';

describe('the kernel', () => {
  test('answers names of Services in both families', async () => {
    const service = (await lab.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIPs}')).stdout;
    const done = await during(async () => {
      const found = [await addresses(name, 'A'), await addresses(name, 'AAAA')];
      expect(found.sort()).toEqual((JSON.parse(service) as string[]).sort());
    });
    expect(done).toMatchObject({ hit: 2, passed: 0 });
  });

  test('a name outside costs one question to the servers, whatever the search path', async () => {
    const done = await during(() => lab.exec(['client'], 'getent', 'ahostsv4', 'www.example.com'));
    expect(done).toMatchObject({ hit: 0, nxdomain: 3, passed: 1 });
  });

  test('says what the servers say', async () => {
    for (const words of [
      [name, 'A'],
      ['default.svc.cluster.local', 'A'],
      ['nobody.default.svc.cluster.local', 'AAAA'],
      ['cluster.local', 'A'],
    ]) {
      const inKernel = (await dig(...words)).text;
      // A cookie is for the servers.
      const byServer = await lab.exec(
        ['client'],
        'dig',
        '+cookie=0123456789abcdef',
        '+tries=1',
        '+time=2',
        ...words,
      );
      const records = (text: string) => text.split('\n').filter((line) => /^[^;].*\sIN\s/.test(line) || line.includes('status:')).map((line) => line.replace(/id: \d+/, '')); // biome-ignore format: one line
      expect(records(inKernel)).toEqual(records(byServer));
    }
  });

  test('shows its answers to whoever watches', async () => {
    const pod = JSON.parse(await must(lab.tendril(['get', 'pod', 'client', '-o', 'json'])));
    const watch = async () => {
      let watching = true;
      const watched = lab
        .tendril(['dns', 'watch', '--node', 'node-1', '--seconds', '3', '-o', 'json'])
        .finally(() => {
          watching = false;
        });
      while (watching) await addresses(name, 'A');
      return JSON.parse((await must(watched)).split('\n')[0] || '{}');
    };
    const wanted = { asker: pod.status.podIP, name, type: 'A', result: 'hit' };
    await expect.poll(watch, { timeout: 60_000 }).toMatchObject(wanted);
  });

  test('goes on without the servers and without an agent', async () => {
    const stopped = nodeProcesses(/main\.js\0(agent|dns)\0/);
    expect(stopped).toHaveLength(2);
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    try {
      expect(await addresses(name, 'A')).toMatch(/^10\.96\./);
      expect((await dig('nobody.default.svc.cluster.local', 'A')).status).toBe('NXDOMAIN');
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
    }
  });

  test('a Service is known by its first question after it was made, and unknown once it is gone', async () => {
    await must(lab.kubectl('create', 'service', 'clusterip', 'late', '--tcp=80'));
    await expect.poll(() => addresses('late.default.svc.cluster.local', 'A')).toMatch(/^10\.96\./);
    await must(lab.kubectl('delete', 'service', 'late'));
    await expect.poll(async () => (await dig('late.default.svc.cluster.local', 'A')).status).toBe('NXDOMAIN');
  });

  test('leaves to the node’s own server what is the servers’, past all connection tracking', async () => {
    const pods = JSON.parse(
      await must(lab.tendril(['get', 'pods', '-n', 'kube-system', '-l', 'k8s-app=kube-dns', '-o', 'json'])),
    ).items as { spec: { nodeName: string }; status: { podIP: string } }[];
    const isHere = ({ spec }: (typeof pods)[number]) => spec.nodeName === lab.nodes[0];
    const asked = () =>
      Promise.all(
        pods.map(async ({ status: { podIP } }) => {
          const text = await onNode('curl', '-s', `http://${podIP}:9153/metrics`);
          const counts = text.matchAll(/^coredns_dns_requests_total\{\S*type="SRV"\S* (\d+)$/gm);
          return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
        }),
      );
    const before = await asked();
    const client = JSON.parse(await must(lab.tendril(['get', 'pod', 'client', '-o', 'json'])));
    for (let i = 0; i < 5; i++) await dig(name, 'SRV');
    expect((await asked()).map((count, i) => count - before[i]!)).toEqual(
      pods.map((pod) => (isHere(pod) ? 5 : 0)),
    );
    expect(pods.filter(isHere)).toHaveLength(1);
    const tracked = await onNode('cat', '/proc/net/nf_conntrack');
    const ofClient = tracked.split('\n').filter((line) => line.includes(`src=${client.status.podIP} `));
    expect(ofClient.filter((line) => line.includes('dport=53 '))).toEqual([]);
    expect(await must(lab.tendril(['conntrack', 'list', '--node', 'node-1']))).not.toContain('10.96.0.10');
  });

  test('a changed Corefile takes force when the servers take it: the two never disagree', async ({
    skip,
  }) => {
    skip(onRealCluster, labStatus);
    const status = () => must(lab.tendril(['status']));
    const key = ['configmap', 'coredns', '-n', 'kube-system'];
    const text = (await lab.kubectl('get', ...key, '-o', 'jsonpath={.data.Corefile}')).stdout;
    const patch = JSON.stringify({ data: { Corefile: text.replace('ttl 30', 'ttl 60') } });
    await must(lab.kubectl('patch', ...key, '--type', 'merge', '-p', patch));
    const ttl = async (...words: string[]) =>
      /^web\S*\s+(\d+)\s+IN\s+A\s/m.exec((await dig(name, 'A', ...words)).text)?.[1];
    const byServer = () => ttl('+cookie=0123456789abcdef');
    const agreement = async () => {
      const before = await byServer();
      const byAnybody = await ttl();
      // Between two equal answers of the server there was no reload.
      if (before === (await byServer())) expect(byAnybody).toBe(before);
      return before;
    };
    await expect.poll(agreement, { timeout: 110_000, interval: 200 }).toBe('60');
    await expect.poll(status, { timeout: 20_000 }).toMatch(/node-1 +Ready .* kernel +0/);
    expect(await status()).toMatch(/\d+ questions of pods were answered in the kernel, \d+ by servers/);
    expect(await during(agreement)).toMatchObject({ hit: 1, passed: 2 });
  }, 130_000);

  test('leaves every question to the servers where the Corefile has them see each, and tells so', async ({
    skip,
  }) => {
    skip(onRealCluster, labStatus);
    const status = () => must(lab.tendril(['status']));
    expect(await status()).toMatch(/node-1 +Ready .* kernel +0/);
    const key = ['configmap', 'coredns', '-n', 'kube-system'];
    const text = (await lab.kubectl('get', ...key, '-o', 'jsonpath={.data.Corefile}')).stdout;
    const patch = JSON.stringify({ data: { Corefile: text.replace('errors', 'errors\n    log') } });
    await must(lab.kubectl('patch', ...key, '--type', 'merge', '-p', patch));
    await expect.poll(status, { timeout: 20_000 }).toContain('log (Corefile:3) comes before kubernetes');
    expect(await during(() => addresses(name, 'A'))).toMatchObject({ hit: 0, passed: 1 });
  });
});
