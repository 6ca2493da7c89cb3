/** What Kubernetes' own libraries for Go write in protobuf, against what they write in JSON of the same objects. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { encodeAnswer } from '../../src/lab/apiserver/protobuf/answers.ts';
import { decodeObject } from '../../src/lab/apiserver/protobuf/envelope.ts';
import { kinds } from '../../src/lab/apiserver/vendor/protobuf-fields.ts';
import { ApiProcess } from './support/api-process.ts';
import { goClient } from './support/go-programs.ts';

const program = goClient('protobuf');
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** Objects filled at random, some of each kind. */
function samples(
  how: 'samples' | 'reread',
  count: number,
): { kind: string; protobuf: Buffer; json: unknown }[] {
  const argv = [how, String(seed), String(count)];
  const lines = execFileSync(program!, argv, { input: kinds.trimStart(), maxBuffer: 2 ** 30 });
  return lines
    .toString()
    .trim()
    .split('\n')
    .map((line) => {
      const [kind = '', protobuf = '', json = ''] = line.split('\t');
      return { kind, protobuf: Buffer.from(protobuf, 'base64'), json: JSON.parse(json) };
    });
}

describe.skipIf(program === undefined)(`objects of every kind, filled at random (SEED=${seed})`, () => {
  test('are read from protobuf as client-go writes them in JSON', async () => {
    for (const { kind, protobuf, json } of samples('samples', 20))
      expect(await decodeObject(protobuf), kind).toEqual(json);
  });

  test('are written in protobuf byte for byte as client-go writes them', async () => {
    for (const { kind, protobuf, json } of samples('reread', 20)) {
      const bytes = Buffer.concat([...Iterator.from((await encodeAnswer(json))!)]);
      if (!bytes.equals(protobuf)) expect(await decodeObject(bytes), kind).toEqual(json);
      expect(bytes.toString('hex'), kind).toBe(protobuf.toString('hex'));
    }
  });
});

test.skipIf(program === undefined)('typed clients write, read and watch in protobuf alone', async () => {
  await using api = await ApiProcess.start();
  const env = { ...process.env, KUBECONFIG: api.kubeconfig };
  const { stdout } = await promisify(execFile)(program!, ['client'], { env, timeout: 60_000 });
  expect(stdout).toBe('caches\nworkloads\npods\nreviews\nerrors\ndefinitions\n');
});
