import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { TendrilError } from '../../../util/errors.ts';
import { isStreamPath, type KubeletAnswers, kubeletHandler } from './kubelet-handler.ts';

const user = { username: 'kube-apiserver-kubelet-client', groups: ['system:masters'] };

const ask = async (path: string, more: Partial<KubeletAnswers> = {}, upgrade = false) => {
  const calls: unknown[] = [];
  const open = (...args: unknown[]) => {
    calls.push(args);
    return async () => ({}) as never;
  };
  const handle = kubeletHandler({
    logs: async (...args) => {
      calls.push(args);
      return Readable.from(['a line\n']);
    },
    streams: { exec: open, attach: open, portForward: open },
    mayProxy: async () => true,
    ...more,
  });
  const { pathname, searchParams: query } = new URL(path, 'http://kubelet');
  const answer = await handle({ method: 'GET', path: pathname, query, upgrade, user: () => user });
  return { answer: answer as { status: number; raw?: string | Readable; open?: object }, calls };
};

test('logs, with what is wanted of them', async () => {
  const { answer, calls } = await ask(
    '/containerLogs/ns/web/app?follow=true&tailLines=2&limitBytes=3&sinceTime=2030-01-01T00:00:00Z',
  );
  expect(calls).toEqual([
    [
      'ns',
      'web',
      expect.objectContaining({ container: 'app', follow: true, tailLines: 2, since: Date.UTC(2030) }),
    ],
  ]);
  expect(await text(answer.raw as Readable)).toBe('a l');
});

test.each([
  ['/exec/ns/web/app?command=sh&command=-c&input=1&output=1', { argv: ['sh', '-c'], interactive: true }],
  [
    '/exec/ns/web/0d6a/app?command=ls&error=1&tty=0&output=1',
    { argv: ['ls'], interactive: false, tty: false },
  ],
])('%s: the words of a kubelet', async (path, command) => {
  const { answer, calls } = await ask(path, {}, true);
  const at = { namespace: 'ns', name: 'web', container: 'app' };
  expect(calls).toEqual([[at, expect.objectContaining(command)]]);
  expect(answer).toMatchObject({ status: 101, open: { kind: 'command' } });
});

test('ports', async () => {
  const { answer } = await ask('/portForward/ns/web?port=80', {}, true);
  expect(answer).toMatchObject({ status: 101, open: { kind: 'ports', ports: ['80'] } });
});

test('who may not, and what is not there', async () => {
  const refused = await ask('/containerLogs/ns/web/app', { mayProxy: async () => false });
  expect(refused.answer).toMatchObject({
    status: 403,
    raw: expect.stringContaining('subresource(s)=[proxy]'),
  });
  const missing = async () => {
    throw new TendrilError('BAD_INPUT', 'pod "web" is not on node n');
  };
  expect((await ask('/containerLogs/ns/web/app', { logs: missing })).answer.status).toBe(400);
  expect((await ask('/pods')).answer.status).toBe(404);
  expect((await ask('/exec/ns/web/app?command=ls&output=1')).answer.status).toBe(400);
});

test.each(['/exec/a/b/c', '/attach/a/b/c', '/portForward/a/b'])('%s may change its protocol', (path) => {
  expect(isStreamPath(path)).toBe(true);
  expect(isStreamPath(`/containerLogs${path}`)).toBe(false);
});
