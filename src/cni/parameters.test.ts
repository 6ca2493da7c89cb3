import { describe, expect, it } from 'vitest';
import { parseParameters, validateNetworkName } from './parameters.ts';

const add = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'abc', CNI_NETNS: '/run/netns/a', CNI_IFNAME: 'eth0' };

it('reads what a runtime sends', () => {
  const args = 'IgnoreUnknown=1;K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=shop';
  expect(parseParameters({ ...add, CNI_ARGS: args })).toEqual({
    command: 'ADD',
    containerId: 'abc',
    netns: '/run/netns/a',
    ifName: 'eth0',
    args: { IgnoreUnknown: '1', K8S_POD_NAME: 'web-0', K8S_POD_NAMESPACE: 'shop' },
  });
});

it('lets DEL come without a namespace, as after a reboot', () => {
  expect(parseParameters({ ...add, CNI_COMMAND: 'DEL', CNI_NETNS: '' }).netns).toBeUndefined();
});

describe('invalid variables are code 4, named', () => {
  it.each([
    [{ ...add, CNI_COMMAND: 'PUSH' }, 'CNI_COMMAND is "PUSH"'],
    [{ CNI_COMMAND: 'ADD' }, 'CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME missing for ADD'],
    [{ ...add, CNI_CONTAINERID: '../x' }, 'CNI_CONTAINERID "../x"'],
    [
      { ...add, CNI_IFNAME: 'a-name-of-16-chr' },
      'CNI_IFNAME "a-name-of-16-chr" is longer than 15 characters',
    ],
    [{ ...add, CNI_IFNAME: 'a/b' }, 'CNI_IFNAME "a/b" is no name'],
    [{ ...add, CNI_IFNAME: '..' }, 'CNI_IFNAME ".." is no name'],
    [{ ...add, CNI_ARGS: 'nonsense' }, 'CNI_ARGS has "nonsense"'],
  ])('%o', (env, message) => {
    expect(() => parseParameters(env)).toThrow(message);
    expect(() => parseParameters(env)).toThrow(expect.objectContaining({ cniCode: 4 }));
  });
});

it('refuses a network without a usable name with code 7', () => {
  for (const name of [undefined, '', 'a/b', 7]) {
    expect(() => validateNetworkName(name)).toThrow(expect.objectContaining({ cniCode: 7 }));
  }
});
