import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { leaveCluster, removeOwn } from './leave.ts';

test('what is labelled goes, then the nodes with their leases, then all pods on them', async () => {
  const gone: string[] = [];
  const pods = Array.from({ length: 30 }, (_, i) => ({
    metadata: { name: `p${i}`, namespace: 'default' },
    spec: { nodeName: i === 0 ? 'other' : 'node-1' },
  }));
  await removeOwn(
    {
      list: async ({ kind }: { kind: string }) =>
        ({ items: kind === 'Node' ? [{ metadata: { name: 'node-1' } }] : pods }) as never,
      request: async (method: string, path: string) => {
        if (method === 'DELETE') gone.push(path);
        const found = path.startsWith('/api/v1/namespaces/kube-system/services?');
        return { items: found ? [{ metadata: { name: 'tendril-dns' } }] : [] };
      },
    },
    'a',
  );
  expect(gone.slice(0, 3)).toEqual([
    '/api/v1/namespaces/kube-system/services/tendril-dns',
    '/api/v1/nodes/node-1',
    '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-1',
  ]);
  expect(gone.slice(3)).toEqual(
    pods.slice(1).map(({ metadata }) => `/api/v1/namespaces/default/pods/${metadata.name}`),
  );
});

test('an API server that does not get done: in time, what stays and how it goes', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-leave-'));
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const server = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const kubeconfig = join(directory, 'kubeconfig');
  const config = {
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    clusters: [{ name: 'a', cluster: { server } }],
    users: [{ name: 'a', user: {} }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const left = await leaveCluster('a', kubeconfig, { timeoutMs: 50 });
  expect(left).toContain(`stay at the API server at ${server}: not done within 0.05 s`);
  expect(left).toContain('kubectl delete nodes,clusterroles,clusterrolebindings -l tendril.dev/lab=a');
  for (const socket of sockets) socket.destroy();
  silent.close();
  rmSync(directory, { recursive: true });
});
