/** What is kept in a directory is there again in the next lab. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bringUp, labName } from './support/lab.ts';
import { shopManifest } from './support/shop.ts';
import { tendril } from './support/tendril.ts';

const state = mkdtempSync(join(tmpdir(), 'tendril-state-'));
afterAll(() => rmSync(state, { recursive: true }));

const up = (manifest?: string) => bringUp({ manifest, args: ['--nodes', '2', '--state', state] });

test('objects, addresses, tokens and what runs come back with the directory', async () => {
  const token = 'cat /var/run/secrets/kubernetes.io/serviceaccount/token';
  const seen = async (lab: Awaited<ReturnType<typeof up>>) =>
    JSON.parse((await lab.tendril(['get', 'svc', 'backend', '-o', 'json'])).stdout);
  let service: { spec: { clusterIP: string } };
  let old: string;
  {
    await using first = await up(shopManifest);
    service = await seen(first);
    old = await first.exec(['pod/client'], 'sh', '-c', token);
    const taken = await tendril(['up', '--name', labName(), '--nodes', '2', '--state', state]);
    expect(taken.stderr).toContain('is in use by another lab');
  }
  await using second = await up();
  expect(await seen(second)).toEqual(service);
  const answer = await second.exec(['pod/client'], 'curl', '-s', `http://${service.spec.clusterIP}/`);
  expect(JSON.parse(answer).pod).toMatch(/^backend-/);
  const ask = `curl -s --cacert /var/run/secrets/kubernetes.io/serviceaccount/ca.crt -o /dev/null -w '%{http_code}' \
      -H "Authorization: Bearer ${old.trim()}" https://kubernetes.default.svc/api/v1/nodes`;
  expect(await second.exec(['pod/client'], 'sh', '-c', ask)).toBe('200');
});

test('another cluster is refused, and nothing is left of the attempt', async () => {
  const { code, stderr } = await tendril(['up', '--name', labName(), '--nodes', '3', '--state', state]);
  expect([code, stderr]).toEqual([1, expect.stringContaining('was made for another cluster')]);
  expect(stderr).toContain('Bring the lab up with the same nodes');
});
