/** A server for tests, fresh for each, at a time that stands still; and objects that are short to write. */
import { afterEach, beforeEach } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import type { ApiRequest } from './api-request.ts';
import { type ApiServer, createApiServer } from './api-server.ts';
import type { JsonObject } from './json.ts';

export const inDefault = '/api/v1/namespaces/default';
export const mergePatch = { contentType: 'application/merge-patch+json' };
export const strategicMergePatch = { contentType: 'application/strategic-merge-patch+json' };

export const container = { name: 'c', image: 'nginx:1' };
export const podOf = (name: string, spec: object = {}, metadata: object = {}) => ({
  metadata: { name, ...metadata },
  spec: { containers: [container], ...spec },
});
export const deploymentOf = (name: string, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } },
    ...spec,
  },
});
export const serviceOf = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});

export interface TestServer {
  /** The server of the test that runs. */
  server(): ApiServer;
  /** The answer's body with its status as `code` and its warnings. */
  call(method: string, url: string, body?: object, more?: Partial<ApiRequest>): Promise<JsonObject>;
  createService(name: string, spec?: object): Promise<JsonObject>;
  /** Changes the Service `web` by a merge patch. */
  patchService(spec: object): Promise<JsonObject>;
  /** Lets collectors, which work after the change that they follow, come to rest. */
  settle(): Promise<void>;
}

/** Starts one before each test of the file and stops it after; two families unless told otherwise. */
export function useTestServer({
  serviceCidrs = ['10.96.0.0/24', 'fd00::/112'],
}: {
  serviceCidrs?: string[];
} = {}): TestServer {
  let server: ApiServer;
  beforeEach(() => {
    server = createApiServer({
      serviceCidrs,
      nodePortRange: { first: 30000, last: 30009 },
      advertise: { ips: ['192.0.2.1'], port: 6443 },
      clock: new FakeClock(Date.UTC(2030, 0, 1)),
    });
  });
  afterEach(() => server.stop());
  const call: TestServer['call'] = async (method, url, body, more = {}) => {
    const { pathname: path, searchParams: query } = new URL(url, 'http://server');
    const response = await server.handle({ method, path, query, body, ...more });
    if (!('body' in response)) throw new Error('no JSON answer');
    const { status: code, warnings } = response;
    return { ...(response.body as object), code, warnings };
  };
  return {
    server: () => server,
    call,
    createService: (name, spec) => call('POST', `${inDefault}/services`, serviceOf(name, spec)),
    patchService: (spec) => call('PATCH', `${inDefault}/services/web`, { spec }, mergePatch),
    async settle() {
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
