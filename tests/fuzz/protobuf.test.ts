/** Whatever is sent as protobuf, it is read or refused as a bad request, and what is read is written and read again. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { ApiError } from '../../src/kube/client/api-error.ts';
import type { JsonObject } from '../../src/lab/apiserver/json.ts';
import { encodeAnswer } from '../../src/lab/apiserver/protobuf/answers.ts';
import { decodeObject } from '../../src/lab/apiserver/protobuf/envelope.ts';
import { loadMessageTypes, type MessageTypes } from '../../src/lab/apiserver/protobuf/message-types.ts';
import { kinds } from '../../src/lab/apiserver/vendor/protobuf-fields.ts';
import { announceSeed, bounded } from './support/bounds.ts';
import { Choices, lengthDelimited, nearly } from './support/messages.ts';

let types: MessageTypes;

beforeAll(async () => {
  announceSeed('protobuf');
  types = await loadMessageTypes();
});

const anyKind = fc.constantFrom(...kinds.trim().split('\n'));

function enveloped(line: string, message: Buffer): Buffer {
  const [apiVersion = '', kind = ''] = line.split(' ');
  const typeMeta = [apiVersion, kind].map((text, i) => lengthDelimited(i + 1, Buffer.from(text)));
  const fields = [lengthDelimited(1, Buffer.concat(typeMeta)), lengthDelimited(2, message)];
  return Buffer.concat([Buffer.from('k8s\0'), ...fields]);
}

/** Undefined where it is refused. */
async function read(bytes: Buffer): Promise<JsonObject | undefined> {
  try {
    return await decodeObject(bytes);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status.code !== 400) throw error;
    return undefined;
  }
}

async function rewritten(object: JsonObject): Promise<JsonObject> {
  return decodeObject(Buffer.concat([...Iterator.from((await encodeAnswer(object))!)]));
}

test('any bytes are read or refused', async () => {
  await fc.assert(
    fc.asyncProperty(anyKind, fc.uint8Array({ maxLength: 200 }), async (kind, bytes) => {
      await read(Buffer.from(bytes));
      await read(Buffer.concat([Buffer.from('k8s\0'), bytes]));
      await read(enveloped(kind, Buffer.from(bytes)));
    }),
    bounded(0.3),
  );
});

test('what is nearly an object is read or refused, and what is read is written and read again', async () => {
  let taken = 0;
  const damages = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 });
  const property = fc.asyncProperty(
    anyKind,
    fc.uint8Array({ maxLength: 600 }),
    damages,
    async (kind, choices, damage) => {
      // biome-ignore format: one line
      const [apiVersion, name] = kind.split(' ');
      const bytes = enveloped(kind, nearly(new Choices(choices), types.ofKind(apiVersion, name)!));
      for (const [at, to] of damage) bytes[at % bytes.length] = to;
      const object = await read(bytes);
      if (object === undefined) return;
      taken++;
      // JSON does not tell a time that is null from none.
      const once = await rewritten(object);
      expect(await rewritten(once)).toEqual(once);
    },
  );
  await fc.assert(property, bounded(0.6));
  expect(taken).toBeGreaterThan(0);
});

test('a body of the largest size takes little memory and time, whatever it repeats', async () => {
  for (const part of [
    [0x12, 0],
    [0x0a, 0],
    [0x1a, 0],
    [0x9b, 0x3e],
    [0x0a, 2, 0x5a, 0],
  ]) {
    for (const kind of ['v1 Endpoints', 'v1 PodList', 'v1 ConfigMap', 'apps/v1 Deployment']) {
      const before = process.memoryUsage();
      const started = performance.now();
      await read(enveloped(kind, Buffer.alloc(3 * 2 ** 20, Buffer.from(part))));
      expect(performance.now() - started).toBeLessThan(5000);
      expect((process.memoryUsage().rss - before.rss) / 2 ** 20).toBeLessThan(400);
    }
  }
});
