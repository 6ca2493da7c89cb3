/** Tables of objects that published definitions accept and refuse. */
import { expect } from 'vitest';
import type { JsonObject } from '../json.ts';
import type { TestServer } from '../test-server.ts';
import { definitionsUrl, publishedDefinitions } from './test-definitions.ts';

/** Each case with what an answer must say of it; nothing where the object is accepted. */
export type Cases = [label: string, spec: object, wanted: string][];

export const accepted = '';

export function publishedTests({ call }: TestServer) {
  async function install(file: string, kind?: string): Promise<JsonObject[]> {
    const definitions = publishedDefinitions(file).filter(
      (d) => kind === undefined || d.spec.names.kind === kind,
    );
    const made: JsonObject[] = [];
    for (const definition of definitions) made.push(await call('POST', definitionsUrl, definition));
    return made;
  }

  /** Posts the objects of all cases, each under a name of its own. */
  async function expectAnswers(
    [apiVersion, plural, kind]: readonly [string, string, string],
    cases: Cases,
    { namespaced = true }: { namespaced?: boolean } = {},
  ): Promise<void> {
    for (const [i, [label, spec, wanted]] of cases.entries()) {
      const namespace = namespaced ? { namespace: 'default' } : {};
      const said = await post(apiVersion, plural, { kind, metadata: { name: `x${i}`, ...namespace }, spec });
      expect([label, said]).toEqual([
        label,
        wanted === accepted ? accepted : expect.stringContaining(wanted),
      ]);
    }
  }

  /** Posts an object of a kind; the result is what the answer says is wrong. */
  async function post(apiVersion: string, plural: string, object: JsonObject): Promise<string> {
    const { namespace } = object.metadata;
    const where = namespace === undefined ? plural : `namespaces/${namespace}/${plural}`;
    const { code, message } = await call('POST', `/apis/${apiVersion}/${where}`, { apiVersion, ...object });
    expect([201, 422]).toContain(code);
    return message ?? '';
  }

  return { install, expectAnswers, post };
}
