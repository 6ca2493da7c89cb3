/** The Corefile of cluster DNS: as the ConfigMap of a cluster, and as a file of the process `tendril dns`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { program, run } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';

describe('the process', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-corefile-'));
  const corefile = join(directory, 'Corefile');
  let dns: ChildProcess | undefined;
  let log = '';

  afterAll(() => {
    dns?.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });

  const write = (address: string, more = '') =>
    writeFileSync(
      corefile,
      `.:15353 {
         bind 127.0.0.1 ::1
         health 127.0.0.1:18080
         prometheus 127.0.0.1:19153
         hosts /dev/null {
           ${address} one.example
         }
         reload 2s 0s
       }
       ${more}`,
    );
  const dig = async (server: string, ...words: string[]) =>
    (
      await run('dig', [`@${server}`, '-p', '15353', '+short', '+tries=1', '+time=1', ...words])
    ).stdout.trim();
  const metric = async (name: string) => {
    const text = await (await fetch('http://127.0.0.1:19153/metrics')).text();
    return new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
  };

  test('serves the file on both families and over TCP, takes a changed one, and leaves out a broken one', async () => {
    write('10.1.2.3');
    dns = spawn(program, ['dns', '--conf', corefile], { stdio: ['ignore', 'ignore', 'pipe'] });
    dns.stderr!.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await expect.poll(() => dig('127.0.0.1', 'one.example'), { timeout: 20_000 }).toBe('10.1.2.3');
    expect(await dig('::1', '+tcp', 'one.example')).toBe('10.1.2.3');
    write('10.1.2.4');
    await expect.poll(() => dig('127.0.0.1', 'one.example'), { timeout: 20_000 }).toBe('10.1.2.4');
    write('10.1.2.5', 'broken {');
    await expect.poll(() => metric('coredns_reload_failed_total'), { timeout: 20_000 }).toBe('1');
    expect(await dig('127.0.0.1', 'one.example')).toBe('10.1.2.4');
    expect(log).toContain(`${corefile}:10: the server block that opens here is never closed`);
    const ended = new Promise((resolve) => dns!.once('exit', resolve));
    dns.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('a Corefile that cannot be served is refused with its place', async () => {
    writeFileSync(corefile, '. {\n  erors\n}\n');
    const { code, stderr } = await run(program, ['dns', '--conf', corefile]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${corefile}:2: unknown directive "erors"\n  Did you mean errors?`);
  });
});

describe('the cluster', () => {
  let lab: TestCluster;
  beforeAll(async () => {
    lab = await bringUp({ args: ['--nodes', '1'] });
  });
  afterAll(() => lab?.down());

  const ask = async (...words: string[]) =>
    (await lab.exec(['--node', 'node-1'], 'dig', '@10.96.0.10', '+short', ...words)).trim();

  test('an edited ConfigMap is served within its reload interval, without a pod started anew', async () => {
    expect(await ask('kubernetes.default.svc.cluster.local')).toBe('10.96.0.1');
    expect(await ask('-x', '10.96.0.1')).toBe('kubernetes.default.svc.cluster.local.');
    const text = (
      await lab.kubectl('get', 'configmap', 'coredns', '-n', 'kube-system', '-o', 'jsonpath={.data.Corefile}')
    ).stdout;
    expect(text).toContain('lameduck 5s');
    const hosts = 'hosts {\n  192.0.2.7 seven.example\n  fallthrough\n}\n    cache 30';
    const patch = JSON.stringify({ data: { Corefile: text.replace('cache 30', hosts) } });
    await lab.kubectl('patch', 'configmap', 'coredns', '-n', 'kube-system', '--type', 'merge', '-p', patch);
    await expect.poll(() => ask('seven.example'), { timeout: 110_000, interval: 500 }).toBe('192.0.2.7');
    expect(await ask('kubernetes.default.svc.cluster.local')).toBe('10.96.0.1');
    const pods = (await lab.kubectl('get', 'pods', '-n', 'kube-system', '--no-headers')).stdout;
    expect(pods).toMatch(/tendril-dns-\S+\s+1\/1\s+Running\s+0 /);
  }, 130_000);

  test('metrics are on the port that kubeadm’s are on', async () => {
    const text = await lab.exec(['--node', 'node-1'], 'curl', '-s', 'http://10.96.0.10:9153/metrics');
    expect(text).toMatch(
      /^coredns_dns_responses_total\{server="dns:\/\/:53",zone="\.",view="",rcode="NOERROR",plugin="kubernetes"\} \d+$/m,
    );
  });
});
