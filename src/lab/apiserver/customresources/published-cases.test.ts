/** What Gateway API's own tests accept and refuse, case for case, on both of its channels, and some more. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { useTestServer } from '../test-server.ts';
import { moreCases, type PublishedCase } from './published.cases.ts';
import { definitionsUrl, publishedDefinitions } from './test-definitions.ts';

const file = new URL(
  '../../../../tests/vendor/custom-resource-definitions/gateway-api-cases.jsonl',
  import.meta.url,
);
const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
const cases: PublishedCase[] = [...lines.map((line) => JSON.parse(line)), ...moreCases];

const { call } = useTestServer();

/** Since 1.32 Kubernetes says `more` where it said `longer`; the project's own tests take both. */
const says = (message: string, wanted: string) =>
  message.includes(wanted) || message.includes(wanted.replaceAll('more', 'longer'));

const pluralOf = (definitions: readonly JsonObject[], kind: string): string =>
  definitions.find((each) => each.spec.names.kind === kind)?.spec.names.plural;

async function answerTo({ object, step }: PublishedCase, url: string, name: string): Promise<JsonObject> {
  const body = { ...object, metadata: { ...object.metadata, name } };
  const { status, ...bare } = body as JsonObject;
  if (step === undefined) return call('POST', url, bare);
  if (step === 'status') {
    const made = await call('POST', url, bare);
    return call('PUT', `${url}/${name}/status`, { ...body, metadata: made.metadata });
  }
  const made = await call('GET', `${url}/${name}`);
  return call('PUT', `${url}/${name}`, { ...body, metadata: made.metadata });
}

describe.each(['standard', 'experimental'])('the %s channel', (channel) => {
  const definitions = publishedDefinitions(`gateway-api-${channel}.yaml.br`);

  test('accepts and refuses what the project has it accept and refuse', { timeout: 60_000 }, async () => {
    for (const each of definitions) await call('POST', definitionsUrl, each);
    const wrong: string[] = [];
    let previous = '';
    for (const [i, each] of cases.filter(({ channels }) => channels.includes(channel)).entries()) {
      const { apiVersion, kind } = each.object;
      const isNamespaced = kind !== 'GatewayClass' && kind !== 'XMesh';
      const plural = pluralOf(definitions, kind);
      const url = `/apis/${apiVersion}/${isNamespaced ? 'namespaces/default/' : ''}${plural}`;
      // An update is of the object that the case before it has made.
      const name = each.step === 'update' ? previous : `x${i}`;
      previous = name;
      const { code, message = '' } = await answerTo(each, url, name);
      const { refused = [] } = each;
      const isRight = refused.length === 0 ? code < 300 : code === 422 && refused.every((w) => says(message, w)); // biome-ignore format: one line
      if (!isRight) wrong.push(`${each.case}: ${code} ${message}; wanted: ${refused.join(' & ') || 'accepted'}`); // biome-ignore format: one line
    }
    expect(wrong).toEqual([]);
  });
});
