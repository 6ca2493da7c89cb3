import { beforeEach, describe, expect, it } from 'vitest';
import { TendrilError } from '../../util/errors.ts';
import { createDispatcher } from './dispatch.ts';
import type { CniHandler } from './handler.ts';

const result = { cniVersion: '1.1.0', ips: [{ address: '10.0.0.5/32' }] };
let calls: unknown[][];
let handler: CniHandler;

beforeEach(() => {
  calls = [];
  handler = {
    add: async (request) => {
      calls.push(['add', request]);
      return result;
    },
    del: async (request) => void calls.push(['del', request]),
    check: async (request, expected) => void calls.push(['check', request, expected]),
    gc: async (valid) => void calls.push(['gc', valid]),
    status: async () => void calls.push(['status']),
  };
});

async function call(command: string, config: unknown, env: Record<string, string> = {}) {
  const pod = { CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/a', CNI_IFNAME: 'eth0' };
  const answer = await createDispatcher({ handler })({
    env: { CNI_COMMAND: command, ...pod, ...env },
    config,
  });
  return { status: answer.status, output: answer.output === '' ? undefined : JSON.parse(answer.output) };
}

const config = (cniVersion = '1.1.0') => ({ cniVersion, name: 'tendril', type: 'tendril' });

describe('commands', () => {
  it('ADD gives the result in the version of the configuration', async () => {
    const args = 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1';
    expect(await call('ADD', config('0.4.0'), { CNI_ARGS: args })).toEqual({
      status: 0,
      output: { cniVersion: '0.4.0', ips: [{ version: '4', address: '10.0.0.5/32' }] },
    });
    expect(calls[0]![1]).toEqual({
      containerId: 'c1',
      ifName: 'eth0',
      netns: '/run/netns/a',
      pod: { namespace: 'shop', name: 'web', uid: 'u1' },
      runtimeConfig: {},
    });
  });

  it('DEL, CHECK, GC and STATUS print nothing', async () => {
    const attachments = [{ containerID: 'c2', ifname: 'eth0' }];
    expect(await call('DEL', config(), { CNI_NETNS: '' })).toEqual({ status: 0, output: undefined });
    expect((await call('CHECK', { ...config(), prevResult: result })).status).toBe(0);
    expect((await call('GC', { ...config(), 'cni.dev/valid-attachments': attachments })).status).toBe(0);
    expect((await call('STATUS', config())).status).toBe(0);
    expect(calls.map(([name]) => name)).toEqual(['del', 'check', 'gc', 'status']);
    expect(calls[2]![1]).toEqual([{ containerId: 'c2', ifName: 'eth0' }]);
  });

  it('VERSION needs nothing else', async () => {
    const { output } = await call('VERSION', { cniVersion: '1.0.0' });
    expect(output).toEqual({ cniVersion: '1.0.0', supportedVersions: ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] });
  });
});

describe('errors', () => {
  it.each([
    ['an unknown version', 'ADD', { ...config('9.9.9') }, {}, 1],
    ['a version before CHECK', 'CHECK', config('0.3.1'), {}, 1],
    ['a version before STATUS', 'STATUS', config('1.0.0'), {}, 1],
    ['no version', 'ADD', { name: 'tendril' }, {}, 1],
    ['no container id', 'ADD', config(), { CNI_CONTAINERID: '' }, 4],
    ['no configuration', 'ADD', null, {}, 6],
    ['no name', 'ADD', { cniVersion: '1.1.0' }, {}, 7],
    ['GC without a list', 'GC', config(), {}, 7],
    ['CHECK with a bad result', 'CHECK', { ...config(), prevResult: 'x' }, {}, 6],
  ])('%s', async (_, command, given, env, code) => {
    const { status, output } = await call(command, given, env);
    expect([status, output.code]).toEqual([1, code]);
    expect(calls).toEqual([]);
  });

  it('of the handler say what is wrong and what to do, in the version of the configuration', async () => {
    handler.add = async () => {
      throw new TendrilError('IPAM_EXHAUSTED', 'no address is left', { remedy: 'remove pods' });
    };
    expect((await call('ADD', config('1.0.0'))).output).toEqual({
      cniVersion: '1.0.0',
      code: 11,
      msg: 'no address is left',
      details: 'remove pods',
    });
  });

  it('that pass by themselves ask to be tried again', async () => {
    handler.add = async () => {
      throw new TendrilError('POLICY_UNKNOWN', 'not known yet');
    };
    expect((await call('ADD', config())).output).toMatchObject({ code: 11, msg: 'not known yet' });
  });
});

it('a failed DEL never says "not found", which containerd takes for success', async () => {
  handler.del = async () => {
    throw new TendrilError('KERNEL_CALL', 'delete link tdl1: device Not Found');
  };
  expect((await call('DEL', config())).output.msg).toBe('delete link tdl1: device missing');
});

describe('order', () => {
  it('is one at a time per container, others beside, and GC alone', async () => {
    const events: string[] = [];
    const traced = (name: string) => async () => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`${name} ends`);
      return result;
    };
    handler.add = traced('ADD');
    handler.del = async () => void (await traced('DEL')());
    handler.gc = async () => void (await traced('GC')());
    const dispatch = createDispatcher({ handler });
    const pod = (id: string) => ({ CNI_CONTAINERID: id, CNI_NETNS: '/n', CNI_IFNAME: 'eth0' });
    const gcConfig = { ...config(), 'cni.dev/valid-attachments': [] };
    await Promise.all([
      dispatch({ env: { CNI_COMMAND: 'ADD', ...pod('a') }, config: config() }),
      dispatch({ env: { CNI_COMMAND: 'DEL', ...pod('a') }, config: config() }),
      dispatch({ env: { CNI_COMMAND: 'GC' }, config: gcConfig }),
      dispatch({ env: { CNI_COMMAND: 'ADD', ...pod('b') }, config: config() }),
    ]);
    expect(events).toEqual([
      'ADD begins',
      'ADD ends',
      'DEL begins',
      'DEL ends',
      'GC begins',
      'GC ends',
      'ADD begins',
      'ADD ends',
    ]);
  });
});
