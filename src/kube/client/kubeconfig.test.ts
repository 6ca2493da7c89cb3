import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inClusterEndpoint, loadKubeconfig, parseKubeconfig } from './kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rmSync(directory, { recursive: true }));

const text = `
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster: { server: "https://127.0.0.1:6443/", certificate-authority-data: ${btoa('THE CA')} }
- name: away
  cluster: { server: "https://[fd00::1]:6443", insecure-skip-tls-verify: true, tls-server-name: api }
contexts:
- { name: lab, context: { cluster: lab, user: admin, namespace: shop } }
- { name: away, context: { cluster: away, user: robot } }
- { name: cloud, context: { cluster: away, user: plugin } }
users:
- { name: admin, user: { client-certificate: cert.pem, client-key-data: ${btoa('THE KEY')} } }
- { name: robot, user: { token: abc } }
- { name: plugin, user: { exec: { command: aws } } }
`;
const runnable = text.replace(
  'command: aws',
  'command: aws, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never',
);
writeFileSync(join(directory, 'config'), text);
writeFileSync(join(directory, 'cert.pem'), 'THE CERT');

test('the current context, with embedded data and with files beside the kubeconfig', async () => {
  expect(await loadKubeconfig(join(directory, 'config'))).toMatchObject({
    server: 'https://127.0.0.1:6443',
    ca: 'THE CA',
    cert: 'THE CERT',
    key: 'THE KEY',
    namespace: 'shop',
    insecure: false,
  });
});

test('another context, by token, without checking the server', async () => {
  const endpoint = await parseKubeconfig(text, { context: 'away' });
  expect(endpoint).toMatchObject({
    server: 'https://[fd00::1]:6443',
    token: 'abc',
    insecure: true,
    serverName: 'api',
  });
});

test.each([
  ['exec plugins', text, 'cloud', /"plugin" authenticates by exec/],
  ['a context that is not there', text, 'gone', /no context "gone"/],
  ['text that is no YAML', 'a: [', undefined, /not a kubeconfig/],
  ['an empty file', '', undefined, /is empty/],
  ['no current context', 'kind: Config', undefined, /no current context/],
])('%s: a clear error', async (_what, config, context, message) => {
  await expect(parseKubeconfig(config, { context })).rejects.toThrow(message);
});

test('a user that authenticates by a program, for who runs programs; a token of its own wins', async () => {
  const plugins = { hasTerminal: false, run: async () => '' };
  const { token, issueCredentials } = await parseKubeconfig(runnable, { context: 'cloud', plugins });
  expect([token, issueCredentials]).toEqual([undefined, expect.any(Function)]);
  const own = runnable.replace('{ exec:', '{ token: mine, exec:');
  expect(await parseKubeconfig(own, { context: 'cloud', plugins })).not.toHaveProperty('issueCredentials');
});

test('in a pod, the service account', () => {
  writeFileSync(join(directory, 'ca.crt'), 'CA');
  writeFileSync(join(directory, 'namespace'), 'kube-system\n');
  const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  expect(inClusterEndpoint(environment, directory)).toEqual({
    server: 'https://[fd00::1]:443',
    ca: 'CA',
    tokenFile: join(directory, 'token'),
    namespace: 'kube-system',
  });
});
