/** What the cases make of, short to write. */
import type { Exchange } from '../exchange.ts';

export const core = '/api/v1/namespaces/{ns}';
export const apps = '/apis/apps/v1/namespaces/{ns}';

export const post = (path: string, body: unknown, more: Partial<Exchange> = {}): Exchange => ({
  ...{ method: 'POST', path, body },
  ...more,
});
export const put = (path: string, body: unknown): Exchange => ({ method: 'PUT', path, body });
export const get = (path: string): Exchange => ({ method: 'GET', path });
export const remove = (path: string, body?: unknown): Exchange => ({ method: 'DELETE', path, body });
export const merge = (path: string, body: unknown): Exchange => ({
  ...{ method: 'PATCH', path, body },
  type: 'application/merge-patch+json',
});
export const strategic = (path: string, body: unknown): Exchange => ({
  ...merge(path, body),
  type: 'application/strategic-merge-patch+json',
});
export const json = (path: string, body: unknown): Exchange => ({
  ...merge(path, body),
  type: 'application/json-patch+json',
});
export const apply = (path: string, body: unknown): Exchange => ({
  ...merge(path, body),
  type: 'application/apply-patch+yaml',
});

export const configMap = (name: string, more: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
  ...more,
});
export const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata } },
  spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...spec },
});
const template = {
  metadata: { labels: { a: 'b' } },
  spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
};
export const workload = (kind: string, name: string, spec: object = {}) => ({
  ...{ apiVersion: 'apps/v1', kind, metadata: { name } },
  spec: { selector: { matchLabels: { a: 'b' } }, template, ...spec },
});
export const service = (name: string, spec: object = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
  spec: { ports: [{ port: 80 }], ...spec },
});
