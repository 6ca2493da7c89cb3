import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import { credentialPlugin, type PluginCall } from './credential-plugin.ts';
import { credentialSource } from './credentials.ts';

const context = { user: 'u', source: 'config', resolvePath: (path: string) => `/dir/${path}`, cluster: {} };
const v1 = 'client.authentication.k8s.io/v1';
const config = { apiVersion: v1, command: 'aws', interactiveMode: 'IfAvailable' };

function pluginOf(exec: object, { answer = '', hasTerminal = false } = {}) {
  const calls: PluginCall[] = [];
  const run = async (call: PluginCall) => {
    calls.push(call);
    return answer;
  };
  return { calls, issue: credentialPlugin(exec, context, { hasTerminal, run }) };
}

const answerOf = (status: unknown, apiVersion = v1) =>
  JSON.stringify({ kind: 'ExecCredential', apiVersion, status });

describe('a configuration', () => {
  test.each([
    ['no command', { ...config, command: '' }, /names no command/],
    [
      'an unknown version',
      { ...config, apiVersion: 'client.authentication.k8s.io/v1alpha1' },
      /has the apiVersion/,
    ],
    ['no interactiveMode in version 1', { ...config, interactiveMode: undefined }, /has the interactiveMode/],
    [
      'another interactiveMode',
      { ...config, interactiveMode: 'Sometimes' },
      /one of Never, IfAvailable, Always/,
    ],
    [
      'a variable without a name',
      { ...config, env: [{ name: '', value: 'x' }] },
      /a variable without a name/,
    ],
  ])('with %s is refused', (_what, exec, message) => {
    expect(() => pluginOf(exec)).toThrow(message);
  });

  test('names a program in $PATH, or one beside the kubeconfig', async () => {
    for (const [command, path] of [
      ['aws', 'aws'],
      ['./bin/aws', '/dir/./bin/aws'],
    ]) {
      const { calls, issue } = pluginOf({ ...config, command }, { answer: answerOf({ token: 't' }) });
      await issue();
      expect(calls[0]!.command).toBe(path);
    }
  });
});

describe.each([
  ['Never', true, false],
  ['IfAvailable', false, false],
  ['IfAvailable', true, true],
  ['Always', true, true],
])('interactiveMode %s, with a terminal: %s', (interactiveMode, hasTerminal, interactive) => {
  test(`gives the program ${interactive ? 'its user' : 'no input'}`, async () => {
    const answer = answerOf({ token: 't' });
    const { calls, issue } = pluginOf({ ...config, interactiveMode }, { answer, hasTerminal });
    await issue();
    expect(calls[0]!.interactive).toBe(interactive);
    expect(JSON.parse(calls[0]!.env.KUBERNETES_EXEC_INFO!).spec).toEqual({ interactive });
  });
});

test('one that must ask its user is not run without a terminal', async () => {
  const { calls, issue } = pluginOf({ ...config, interactiveMode: 'Always' });
  await expect(issue()).rejects.toThrow(/standard input is no terminal/);
  expect(calls).toEqual([]);
});

describe('an answer', () => {
  test('has a token, a certificate, or both, and perhaps an end', async () => {
    const status = {
      token: 't',
      clientCertificateData: 'CERT',
      clientKeyData: 'KEY',
      expirationTimestamp: '2030-01-01T00:00:00Z',
    };
    const v1beta1 = 'client.authentication.k8s.io/v1beta1';
    const exec = { apiVersion: v1beta1, command: 'aws' };
    expect(await pluginOf(exec, { answer: answerOf(status, v1beta1) }).issue()).toEqual({
      ...{ token: 't', cert: 'CERT', key: 'KEY' },
      expiresAt: Date.parse('2030-01-01T00:00:00Z'),
    });
    expect(await pluginOf(config, { answer: answerOf({ token: 't' }) }).issue()).toEqual({ token: 't' });
  });

  test.each([
    ['no JSON', 'secret', /printed no JSON$/],
    ['another kind', '{"kind":"Pod"}', /no ExecCredential/],
    [
      'another version',
      answerOf({ token: 't' }, 'client.authentication.k8s.io/v1beta1'),
      /no ExecCredential of/,
    ],
    ['no status', answerOf(undefined), /neither a token nor a certificate/],
    ['a key alone', answerOf({ clientKeyData: 'KEY' }), /only one$/],
    ['no time', answerOf({ token: 't', expirationTimestamp: 'soon' }), /no time$/],
  ])('with %s is refused, and not shown', async (_what, answer, message) => {
    const error = await pluginOf(config, { answer })
      .issue()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'TOOL_FAILED', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('secret');
  });
});

describe('issued credentials', () => {
  const clock = new FakeClock(0);
  const sourceOf = (issue: () => Promise<object>) =>
    credentialSource({ server: 'https://x', issueCredentials: issue }, clock);

  test('are asked for again after a failure', async () => {
    let asked = 0;
    const source = sourceOf(async () => {
      if (++asked === 1) throw new Error('the first');
      return { token: String(asked) };
    });
    await expect(source.read()).rejects.toThrow('the first');
    expect(await source.read()).toEqual({ token: '2' });
  });

  test('that were refused to many are issued anew once', async () => {
    let issued = 0;
    const source = sourceOf(async () => ({ token: String(++issued) }));
    const refused = await source.read();
    const renewed = await Promise.all([1, 2, 3].map(() => source.renewed(refused)));
    expect(renewed).toEqual(Array(3).fill({ token: '2' }));
  });
});
