import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PluginExec } from './cni-runtime.ts';
import { createCniRuntime } from './runtime.ts';

let directory: string;
let calls: { command: string; type: string; config: Record<string, unknown>; env: Record<string, string> }[];
/** What a plugin answers, by `COMMAND type`; an ADD without one adds its name to the interfaces. */
let answers: Record<string, { code: number; stdout: string; stderr?: string }>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-cni-runtime-'));
  mkdirSync(join(directory, 'conf'));
  calls = [];
  answers = {};
});
afterEach(() => rmSync(directory, { recursive: true }));

const exec: PluginExec = async ({ path, env, stdin }) => {
  const config = JSON.parse(stdin);
  const [command, type] = [env.CNI_COMMAND!, basename(path)];
  calls.push({ command, type, config, env });
  const answer = answers[`${command} ${type}`];
  if (answer !== undefined) return { stderr: '', ...answer };
  if (command !== 'ADD') return { code: 0, stdout: '', stderr: '' };
  const before = config.prevResult?.interfaces ?? [];
  const result = { cniVersion: config.cniVersion, interfaces: [...before, { name: type }] };
  return { code: 0, stdout: JSON.stringify(result), stderr: '' };
};

const runtime = () =>
  createCniRuntime({
    confDir: join(directory, 'conf'),
    binDir: '/opt/cni/bin',
    cacheDir: join(directory, 'cache'),
    exec,
  });

function configure(name: string, conflist: unknown): void {
  writeFileSync(
    join(directory, 'conf', name),
    typeof conflist === 'string' ? conflist : JSON.stringify(conflist),
  );
}

const chain = {
  cniVersion: '1.0.0',
  cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
  name: 'net',
  plugins: [
    { type: 'main', color: 'red' },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};
const pod = {
  containerId: 'c1',
  netns: '/run/netns/c1',
  ifName: 'eth0',
  podName: 'web',
  podNamespace: 'shop',
  podUid: 'u1',
};
const called = () => calls.map(({ command, type }) => `${command} ${type}`);

describe('ADD', () => {
  it('runs the chain in order, each plugin with the result of the one before', async () => {
    configure('10-net.conflist', chain);
    const result = await runtime().add({
      ...pod,
      capabilities: { portMappings: [{ hostPort: 80 }], mac: 'x' },
    });
    expect(result.interfaces).toEqual([{ name: 'main' }, { name: 'portmap' }]);
    expect(calls[0]!.config).toEqual({ type: 'main', color: 'red', cniVersion: '1.1.0', name: 'net' });
    expect(calls[1]!.config).toEqual({
      type: 'portmap',
      cniVersion: '1.1.0',
      name: 'net',
      runtimeConfig: { portMappings: [{ hostPort: 80 }] },
      prevResult: { cniVersion: '1.1.0', interfaces: [{ name: 'main' }] },
    });
    expect(calls[0]!.env).toMatchObject({
      CNI_CONTAINERID: 'c1',
      CNI_NETNS: '/run/netns/c1',
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
      CNI_ARGS:
        'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1',
    });
  });

  it('that fails is undone by DEL, and the failure is the plugin’s', async () => {
    configure('10-net.conflist', chain);
    answers['ADD portmap'] = { code: 1, stdout: JSON.stringify({ code: 11, msg: 'busy', details: 'later' }) };
    await expect(runtime().add(pod)).rejects.toMatchObject({
      code: 'CNI',
      message: 'portmap: busy',
      cniCode: 11,
      details: 'later',
    });
    expect(called()).toEqual(['ADD main', 'ADD portmap', 'DEL portmap', 'DEL main']);
    expect(readdirSync(join(directory, 'cache', 'results'))).toEqual([]);
  });

  it('tells what a plugin without an error object said', async () => {
    configure('10-net.conflist', chain);
    answers['ADD main'] = { code: 2, stdout: '', stderr: 'panic\nno memory\n' };
    await expect(runtime().add(pod)).rejects.toThrow('main: ADD ended with status 2: no memory');
  });

  it.each([
    ['a bad container id', { containerId: 'a/b' }, 4],
    ['a long interface name', { ifName: 'sixteen-letters-' }, 4],
  ])('is refused for %s', async (_, change, cniCode) => {
    await expect(runtime().add({ ...pod, ...change })).rejects.toMatchObject({ cniCode });
  });
});

describe('DEL', () => {
  it('runs in reverse, with the final result, by the configuration that ADD had', async () => {
    configure('10-net.conflist', chain);
    await runtime().add(pod);
    configure('10-net.conflist', { ...chain, name: 'other', plugins: [{ type: 'new' }] });
    calls = [];
    await runtime().del(pod);
    expect(called()).toEqual(['DEL portmap', 'DEL main']);
    expect(calls[0]!.config.prevResult).toMatchObject({
      interfaces: [{ name: 'main' }, { name: 'portmap' }],
    });
    expect(calls[1]!.config.name).toBe('net');
    expect(readdirSync(join(directory, 'cache', 'results'))).toEqual([]);
  });

  it('of what was never added asks the plugins all the same, without prevResult', async () => {
    configure('10-net.conflist', chain);
    await runtime().del(pod);
    expect(called()).toEqual(['DEL portmap', 'DEL main']);
    expect(calls[0]!.config).not.toHaveProperty('prevResult');
  });

  it('succeeds where there never was a network', async () => {
    await runtime().del(pod);
    expect(calls).toEqual([]);
  });

  it('that fails can be tried again', async () => {
    configure('10-net.conflist', chain);
    await runtime().add(pod);
    answers['DEL main'] = { code: 1, stdout: JSON.stringify({ code: 11, msg: 'busy' }) };
    await expect(runtime().del(pod)).rejects.toThrow('main: busy');
    answers = {};
    await runtime().del(pod);
    expect(called().slice(-2)).toEqual(['DEL portmap', 'DEL main']);
    expect(calls.at(-1)!.config).toHaveProperty('prevResult');
  });
});

describe('STATUS', () => {
  it('says that there is no network yet', async () => {
    await expect(runtime().status()).rejects.toMatchObject({ code: 'CNI', cniCode: 50 });
  });

  it('asks the plugins from 1.1.0 on', async () => {
    configure('10-net.conflist', chain);
    await runtime().status();
    expect(called()).toEqual(['STATUS main', 'STATUS portmap']);
    configure('10-net.conflist', { ...chain, cniVersions: [] });
    calls = [];
    await runtime().status();
    expect(calls).toEqual([]);
  });
});

describe('CHECK and GC', () => {
  it('CHECK gives every plugin the final result, unless the network disables it', async () => {
    configure('10-net.conflist', chain);
    await runtime().add(pod);
    calls = [];
    await runtime().check(pod);
    expect(called()).toEqual(['CHECK main', 'CHECK portmap']);
    expect(calls[0]!.config.prevResult).toMatchObject({
      interfaces: [{ name: 'main' }, { name: 'portmap' }],
    });
    await expect(runtime().check({ ...pod, containerId: 'never' })).rejects.toMatchObject({ cniCode: 3 });
  });

  it('GC tells every plugin, also after one failed', async () => {
    configure('10-net.conflist', chain);
    answers['GC main'] = { code: 1, stdout: JSON.stringify({ code: 5, msg: 'disk' }) };
    await expect(runtime().gc([pod])).rejects.toThrow('main: disk');
    expect(called()).toEqual(['GC main', 'GC portmap']);
    expect(calls[1]!.config['cni.dev/valid-attachments']).toEqual([{ containerID: 'c1', ifname: 'eth0' }]);
  });
});

describe('the configuration directory', () => {
  it('counts the first usable name, as container runtimes do', async () => {
    configure('05-temporary', 'not yet');
    configure('20-later.conflist', { ...chain, name: 'later' });
    configure('10-single.conf', { cniVersion: '1.0.0', name: 'single', type: 'main' });
    await runtime().add(pod);
    expect(calls[0]!.config).toEqual({ cniVersion: '1.0.0', name: 'single', type: 'main' });
  });

  it.each([
    ['no JSON', '{', 6],
    ['a list', '[]', 6],
    ['no name', { plugins: [{ type: 'a' }] }, 7],
    ['no plugin', { name: 'n', plugins: [] }, 7],
    ['a plugin elsewhere', { name: 'n', plugins: [{ type: '../evil' }] }, 7],
    ['a version of the future', { name: 'n', cniVersion: '3.0.0', plugins: [{ type: 'a' }] }, 1],
  ])('with %s is refused', async (_, conflist, cniCode) => {
    configure('10.conflist', conflist);
    await expect(runtime().add(pod)).rejects.toMatchObject({ cniCode });
  });
});
