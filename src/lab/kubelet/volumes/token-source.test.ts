import { expect, it } from 'vitest';
import type { Pod } from '../../../kube/types.ts';
import { FakeClock } from '../../../util/clock.ts';
import { TokenSource } from './token-source.ts';

const pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: { serviceAccountName: 'robot', containers: [] },
} as unknown as Pod;

function sourceOn(clock: FakeClock) {
  const asked: { path: string; spec: { expirationSeconds: number } }[] = [];
  let failing = false;
  let stale = 0;
  const source = new TokenSource({
    clock,
    onStale: () => stale++,
    client: {
      request: async (_, path, body) => {
        if (failing) throw new Error('away');
        const { spec } = body as { spec: { expirationSeconds: number } };
        asked.push({ path, spec });
        const at = new Date(clock.now() + spec.expirationSeconds * 1000).toISOString();
        return { status: { token: `token ${asked.length}`, expirationTimestamp: at } };
      },
    },
  });
  const fail = (now: boolean) => {
    failing = now;
  };
  return { source, asked, fail, stale: () => stale };
}

it('asks for a token bound to the pod, once for each audience and lifetime', async () => {
  const { source, asked } = sourceOn(new FakeClock(0));
  expect(await source.token(pod)).toBe('token 1');
  expect(await source.token(pod)).toBe('token 1');
  expect(await source.token(pod, 'vault', 600)).toBe('token 2');
  expect(asked).toEqual([
    {
      path: '/api/v1/namespaces/n/serviceaccounts/robot/token',
      spec: {
        audiences: [],
        expirationSeconds: 3600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' },
      },
    },
    expect.objectContaining({
      spec: expect.objectContaining({ audiences: ['vault'], expirationSeconds: 600 }),
    }),
  ]);
});

it('says when a token should be asked for again, and keeps one that is good while the API is away', async () => {
  const clock = new FakeClock(0);
  const { source, fail, stale } = sourceOn(clock);
  await source.token(pod, '', 1000);
  await clock.advance(799_000);
  expect(stale()).toBe(0);
  await clock.advance(2000);
  expect(stale()).toBe(1);
  fail(true);
  expect(await source.token(pod, '', 1000)).toBe('token 1');
  fail(false);
  expect(await source.token(pod, '', 1000)).toBe('token 2');
  await clock.advance(1_001_000);
  fail(true);
  await expect(source.token(pod, '', 1000)).rejects.toThrow('away');
});
