/** Whose agent is asked, by what, and what is told where that cannot be: an API server of a map, and a fake exec. */
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentDaemonSet } from '../../install/status.ts';
import { ApiError } from '../../kube/client/api-error.ts';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { startFakeServer } from '../../kube/client/fake-server.ts';
import { createTransport, type Transport } from '../../kube/client/transport.ts';
import { resources } from '../../kube/resources.ts';
import type { CommandRequest, RemoteCommand } from '../../kube/streams/command-client.ts';
import type { Pod } from '../../kube/types.ts';
import { clusterAgents } from './cluster-agents.ts';

let fake: FakeClient;
let server: Awaited<ReturnType<typeof startFakeServer>>;
let api: Transport;
let asked: CommandRequest[];
let command: { stdout: string; stderr?: string; exited: () => Promise<number> };
let left: number;

beforeEach(async () => {
  fake = new FakeClient();
  server = await startFakeServer(fake);
  api = createTransport({ server: server.url });
  [asked, left] = [[], 0];
  command = { stdout: '{"ready":true}\n', exited: async () => 0 };
});
afterEach(async () => {
  api.close();
  await server.close();
});

const agents = () =>
  clusterAgents(api, async (_api, request): Promise<RemoteCommand> => {
    asked.push(request);
    return {
      ...{ stdin: new PassThrough(), resize: () => {}, close: () => void left++ },
      stdout: Readable.from([Buffer.from(command.stdout)]),
      stderr: Readable.from(command.stderr === undefined ? [] : [Buffer.from(command.stderr)]),
      exited: command.exited(),
    };
  });

const labels = { component: 'agent' };
const running = { running: { startedAt: '2030-01-01T00:00:00Z' } };

async function install(): Promise<void> {
  const template = { metadata: { labels }, spec: { containers: [] } };
  const spec = { selector: { matchLabels: labels }, template };
  await fake.create(resources.daemonSets, { metadata: agentDaemonSet, spec } as never);
}

async function node(name: string): Promise<void> {
  await fake.create(resources.nodes, { metadata: { name } });
}

async function agentOn(nodeName: string, ready: boolean, state: object = running): Promise<void> {
  const { namespace } = agentDaemonSet;
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  const status = { conditions, containerStatuses: [{ name: 'agent', state }] };
  const spec = { nodeName, containers: [{ name: 'agent' }] };
  const pod = { metadata: { namespace, name: `agent-${nodeName}`, labels }, spec, status };
  const made = await fake.create(resources.pods, pod as unknown as Pod);
  await fake.update(resources.pods, { ...made, status: status as never }, 'status');
}

describe('a cluster’s agent', () => {
  beforeEach(async () => {
    await install();
    for (const name of ['a', 'b', 'c']) await node(name);
    await agentOn('a', false);
    await agentOn('b', true);
  });

  test('is asked by a process in its own pod', async () => {
    expect(await agents().ask('a', '/conntrack?limit=5')).toEqual({ node: 'a', answer: { ready: true } });
    expect(asked).toEqual([
      {
        namespace: 'tendril-system',
        pod: 'agent-a',
        container: 'agent',
        command: ['/usr/bin/tendril', 'ask-agent', '/conntrack?limit=5'],
        stdin: true,
        tty: false,
      },
    ]);
  });

  test('is that of the first node that has a ready one, where none is named', async () => {
    expect((await agents().ask(undefined, '/services')).node).toBe('b');
  });

  test('is followed line by line, until there is enough', async () => {
    command.stdout = '[1]\n[2]\n[3]\n';
    const seen: unknown[] = [];
    for await (const answer of agents().follow('b', '/dns-answers?every=1')) {
      seen.push(answer);
      if (seen.length === 2) break;
    }
    expect([seen, left]).toEqual([[[1], [2]], 1]);
    expect(asked[0]!.command.slice(2)).toEqual(['/dns-answers?every=1', '--repeat']);
  });

  test('that ends while it is followed is an error in its own words', async () => {
    command = { stdout: '[1]\n', stderr: 'tendril: the agent does not answer\n', exited: async () => 1 };
    const following = (async () => {
      for await (const _ of agents().follow('b', '/x'));
    })();
    await expect(following).rejects.toThrow('the agent of b could not be asked: the agent does not answer');
  });

  test('says why it does not answer', async () => {
    const stderr = 'tendril: the agent does not answer: fetch failed\n  See the log.\n';
    command = { stdout: '', stderr, exited: async () => 1 };
    await expect(agents().ask('b', '/services')).rejects.toMatchObject({
      code: 'API',
      message: 'the agent of b could not be asked: the agent does not answer: fetch failed',
    });
  });

  test('of an older version, or whose image has no such program, is one to be upgraded', async () => {
    const remedy = expect.stringContaining('tendril upgrade');
    command = {
      stdout: '',
      stderr: 'tendril: there is no command "ask-agent"\n',
      exited: async () => 2,
    };
    await expect(agents().ask('b', '/services')).rejects.toMatchObject({ remedy });
    const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', code: 500 } as const;
    const exited = () => Promise.reject(new ApiError({ ...status, message: 'no such file or directory' }));
    command = { stdout: '', exited };
    await expect(agents().ask('b', '/services')).rejects.toMatchObject({ remedy });
  });

  test.each([
    ['c', 'NOT_READY', 'no agent runs on c: it has no pod of tendril-agent'],
    ['d', 'BAD_INPUT', 'there is no node "d"; there are a, b, c'],
  ])('of %s is not there: %s', async (name, code, message) => {
    await expect(agents().ask(name, '/services')).rejects.toMatchObject({ code, message });
    expect(asked).toEqual([]);
  });

  test('that does not run is told with what keeps it', async () => {
    await agentOn('c', false, { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } });
    await expect(agents().ask('c', '/services')).rejects.toMatchObject({
      code: 'NOT_READY',
      message: 'the agent of c does not run: CrashLoopBackOff: back-off',
    });
  });
});

test('no agent is ready', async () => {
  await install();
  await agentOn('a', false);
  await expect(agents().ask(undefined, '/services')).rejects.toThrow('no agent of this cluster is ready');
});

test('Tendril is not on the cluster', async () => {
  await expect(agents().ask(undefined, '/services')).rejects.toMatchObject({
    message: 'Tendril is not on this cluster',
    remedy: 'Run: tendril install',
  });
});
