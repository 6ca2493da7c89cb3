/** What Kubernetes' own libraries for Go write in protobuf, against what they write in JSON of the same objects. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '../../src/lab/apiserver/protobuf/envelope.ts';
import { kinds } from '../../src/lab/apiserver/vendor/protobuf-fields.ts';
import { goClient } from './support/go-programs.ts';

const program = goClient('protobuf');
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** Objects filled at random, some of each kind. */
function samples(count: number): { kind: string; protobuf: Buffer; json: unknown }[] {
  const argv = ['samples', String(seed), String(count)];
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
    for (const { kind, protobuf, json } of samples(20))
      expect(await decodeObject(protobuf), kind).toEqual(json);
  });
});
