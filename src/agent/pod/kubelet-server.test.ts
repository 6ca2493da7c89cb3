import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serverOf } from './api-servers.ts';
import { copyKubeletServer } from './kubelet-server.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-kubelet-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const kubeadms = `apiVersion: v1
kind: Config
clusters:
- name: default-cluster
  cluster: {server: https://10.0.0.1:6443, certificate-authority-data: c2VjcmV0}
users:
- name: default-auth
  user: {client-key: /var/lib/kubelet/pki/secret.pem}
`;

async function copy(text: string | undefined) {
  const [from, to] = [join(directory, 'kubelet.conf'), join(directory, 'out/kubelet.conf')];
  if (text !== undefined) writeFileSync(from, text);
  const said = await copyKubeletServer(from, to);
  return { said, copied: existsSync(to) ? readFileSync(to, 'utf8') : undefined };
}

test('the address of a kubelet’s API server is copied, and nothing else', async () => {
  const { said, copied } = await copy(kubeadms);
  expect(said).toContain('names https://10.0.0.1:6443');
  expect(copied).not.toContain('secret');
  expect(copied).not.toContain('c2VjcmV0');
  expect(await serverOf(copied!)).toBe('https://10.0.0.1:6443');
});

test('a kubeconfig in JSON is read too', async () => {
  const { copied } = await copy(
    JSON.stringify({ clusters: [{ cluster: { server: 'https://[fd00::1]:6443' } }] }),
  );
  expect(await serverOf(copied!)).toBe('https://[fd00::1]:6443');
});

test.each([undefined, '', '{', 'clusters: []', 'clusters: [{cluster: {server: 5}}]'])(
  'of %j nothing is copied, and the reason told',
  async (text) => {
    const { said, copied } = await copy(text);
    expect(said).toMatch(/is not there|names no API server/);
    expect(copied).toBe(undefined);
  },
);
