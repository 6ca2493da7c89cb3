import { afterEach, expect, test } from 'vitest';
import { type ApiServer, createApiServer } from '../api-server.ts';
import type { JsonObject } from '../json.ts';
import { MemoryStorage } from '../storage/memory-storage.ts';
import { definitionsUrl, specOf, widget, widgets, widgetsUrl } from './test-definitions.ts';

const servers: ApiServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

function start(storage: MemoryStorage) {
  const nodePortRange = { first: 30000, last: 30009 };
  const server = createApiServer({ storage, serviceCidrs: ['10.96.0.0/24'], nodePortRange });
  servers.push(server);
  return async (method: string, path: string, body?: object): Promise<JsonObject> => {
    const response = await server.handle({ method, path, body });
    if (!('body' in response)) throw new Error('no JSON answer');
    return { ...(response.body as JsonObject), code: response.status };
  };
}

const schema = specOf({
  type: 'object',
  properties: { size: { type: 'integer' } },
  'x-kubernetes-validations': [{ rule: 'self.size < 9', message: 'too large' }],
});

test('a server that takes up what another left serves its definitions and goes on deleting', async () => {
  const storage = new MemoryStorage();
  const first = start(storage);
  await first('POST', definitionsUrl, widgets(schema));
  await first('POST', widgetsUrl, widget({ size: 1 }));
  await servers.pop()!.stop();

  const second = start(storage);
  expect(await second('GET', `${widgetsUrl}/w`)).toMatchObject({ code: 200, spec: { size: 1 } });
  const refused = await second('POST', widgetsUrl, widget({ size: 9 }, { metadata: { name: 'v' } }));
  expect(refused).toMatchObject({ code: 422 });
  expect(refused.message).toContain('too large');
  const going = await second('DELETE', `${definitionsUrl}/widgets.example.com`);
  expect(going).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) } });
  await servers.pop()!.stop();

  const third = start(storage);
  await expect.poll(() => third('GET', `${definitionsUrl}/widgets.example.com`)).toMatchObject({ code: 404 });
  expect(storage.list('example.com/widgets')).toEqual([]);
});
