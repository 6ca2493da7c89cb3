import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodePorts } from '../../../net/ports.ts';
import { TendrilError } from '../../../util/errors.ts';
import { FakeSession } from '../../launcher/fake-session.ts';
import { type ApiServer, createApiServer } from '../api-server.ts';
import type { RemoteCommand } from '../streams/pod-streams.ts';
import { podOf } from '../test-server.ts';

let server: ApiServer;
let asked: { container: string; command?: RemoteCommand }[];

const container = (name: string) => ({ name, image: 'nginx' });
const twoContainers = { containers: [container('a'), container('b')], initContainers: [container('i')] };

beforeEach(async () => {
  server = createApiServer({ serviceCidrs: ['10.96.0.0/16'], nodePortRange: nodePorts });
  asked = [];
  server.setPodStreams({
    exec: ({ container: name }, command) => {
      if (name === 'b') throw new TendrilError('BAD_INPUT', 'container not found ("b")');
      asked.push({ container: name, command });
      return async () => new FakeSession();
    },
    attach: ({ container: name }) => {
      asked.push({ container: name });
      return async () => new FakeSession();
    },
    portForward: () => () => Promise.reject(new Error('refused')),
  });
  const pods = [
    podOf('one', { nodeName: 'node-1' }),
    podOf('two', { nodeName: 'node-1', ...twoContainers }),
    podOf('nowhere'),
  ];
  for (const body of pods)
    await server.handle({ method: 'POST', path: '/api/v1/namespaces/default/pods', body });
});
afterEach(() => server.stop());

const ask = (what: string, { upgrade = true, method = 'POST' } = {}) => {
  const { pathname: path, searchParams: query } = new URL(`http://x/api/v1/namespaces/default/pods/${what}`);
  return server.handle({ method, path, query, upgrade });
};

describe('before the connection is upgraded', () => {
  test.each([
    ['nobody/exec?stdout=true', 404, 'pods "nobody" not found'],
    ['one/exec?stdout=true&container=x', 400, 'container x is not valid for pod one'],
    ['two/exec?stdout=true', 400, 'a container name must be specified for pod two, choose one of: [i a b]'],
    ['nowhere/exec?stdout=true', 400, 'pod nowhere does not have a host assigned'],
    ['nowhere/portforward', 400, 'pod nowhere does not have a host assigned'],
  ])('%s is %i, as a Status', async (what, status, message) => {
    expect(await ask(what)).toMatchObject({ status, body: { kind: 'Status', message } });
  });

  test.each([
    ['two/exec?stdout=1&container=b', 500, 'container not found ("b")'],
    ['one/exec', 400, 'you must specify at least 1 of stdin, stdout, stderr'],
    ['one/attach?tty=1&stderr=1', 400, 'you must specify at least 1 of stdin, stdout, stderr'],
    ['one/portforward?ports=80,x', 400, 'unable to parse "x" as a port'],
  ])('%s is %i, in the kubelet’s plain text', async (what, status, raw) => {
    expect(await ask(what)).toEqual({ status, contentType: 'text/plain', raw });
  });

  test('who asks for no upgrade is told to', async () => {
    const answer = await ask('one/exec?stdout=1', { upgrade: false });
    expect(answer).toMatchObject({ status: 400, body: { message: 'Upgrade request required' } });
    expect(await ask('one/exec', { method: 'PUT' })).toMatchObject({ status: 405 });
  });
});

describe('what is opened', () => {
  test('is the command with the streams that are wanted', async () => {
    const answer = await ask('two/exec?container=a&command=sh&command=-c&command=ls&stdin=true&stdout=1&stderr=&tty=false', { method: 'GET' }); // biome-ignore format: one line
    expect(answer).toMatchObject({
      status: 101,
      open: { kind: 'command', streams: { stdin: true, stdout: true, stderr: true, tty: false } },
    });
    const command = { argv: ['sh', '-c', 'ls'], interactive: true, tty: false };
    expect(asked).toEqual([{ container: 'a', command }]);
  });

  test('has no error output beside a terminal', async () => {
    const answer = await ask('one/attach?stdout=1&stderr=1&tty=1');
    expect(answer).toMatchObject({ open: { streams: { stdout: true, stderr: false, tty: true } } });
  });

  test('are the ports', async () => {
    expect(await ask('one/portforward?ports=80,81&ports=82')).toMatchObject({
      open: { kind: 'ports', ports: ['80', '81', '82'] },
    });
  });
});
