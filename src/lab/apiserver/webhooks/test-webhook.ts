/** Webhooks for tests: an HTTPS server on 127.0.0.1 and ::1 that answers reviews as it is told to. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { JsonObject } from '../json.ts';
import { createCertificateAuthority } from '../pki/pki.ts';
import type { TestServer } from '../test-server.ts';

const authority = createCertificateAuthority('webhooks');

/** As clientConfig has it. */
export const caBundle = Buffer.from(authority.certificate).toString('base64');

/** The response of a review; or what is done with the connection instead. */
export type Answering = (
  request: JsonObject,
  http: { request: IncomingMessage; response: ServerResponse },
) => JsonObject | undefined;

export interface TestWebhook {
  url(path?: string): string;
  /** By path; a path without an answer allows everything. */
  answers: Map<string, Answering>;
  /** The requests that came, oldest first, with their path. */
  readonly seen: { path: string; request: JsonObject }[];
}

export const patchOf = (...operations: JsonObject[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

/** One for all tests of the file. */
export function useTestWebhook(
  names: readonly string[] = ['127.0.0.1', '::1', 'hook.default.svc'],
): TestWebhook {
  const { certificate: cert, key } = authority.serverCertificate(names);
  const seen: TestWebhook['seen'] = [];
  const answers = new Map<string, Answering>();
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
      const path = request.url!.replace(/\?.*/, '');
      seen.push({ path, request: review.request });
      const answer = answers.get(path) ?? (() => ({ allowed: true }));
      const said = answer(review.request, { request, response });
      if (said === undefined) return;
      const body = { ...review, request: undefined, response: { uid: review.request.uid, ...said } };
      response.end(JSON.stringify(body));
    });
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '::', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(() => {
    seen.length = 0;
    answers.clear();
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: (path = '/') => `https://127.0.0.1:${port}${path}`, answers, seen };
}

const group = '/apis/admissionregistration.k8s.io/v1';
export const configurations = {
  mutating: `${group}/mutatingwebhookconfigurations`,
  validating: `${group}/validatingwebhookconfigurations`,
};

export const podRule = {
  operations: ['*'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['pods'],
};

export const hookOf = (url: string, more: JsonObject = {}): JsonObject => ({
  name: 'hook.example.com',
  clientConfig: { url, caBundle },
  rules: [podRule],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
});

/** Configures webhooks of a test's server, under the name of their kind. */
export const configurer =
  ({ call }: TestServer) =>
  async (kind: 'mutating' | 'validating', ...hooks: JsonObject[]): Promise<void> => {
    const made = await call('POST', configurations[kind], configurationOf(kind, ...hooks));
    expect(made).toMatchObject({ code: 201 });
  };

export const configurationOf = (name: string, ...webhooks: JsonObject[]) => ({
  metadata: { name },
  webhooks,
});
