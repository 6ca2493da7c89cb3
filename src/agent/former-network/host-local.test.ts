import { expect, it } from 'vitest';
import { formatIp } from '../../net/ip.ts';
import { parseCachedResult, parseReservation } from './host-local.ts';

it('reads reservations of old and new host-local, and nothing else of its directory', () => {
  const parse = (name: string, text: string) => {
    const found = parseReservation(name, text);
    return found && [formatIp(found.ip), found.containerId, found.ifName];
  };
  expect(parse('10.244.1.7', 'abc\r\neth0')).toEqual(['10.244.1.7', 'abc', 'eth0']);
  expect(parse('fd44::7', 'abc\r\nnet1')).toEqual(['fd44::7', 'abc', 'net1']);
  expect(parse('10.244.1.7', 'abc')).toEqual(['10.244.1.7', 'abc', 'eth0']);
  expect([parse('last_reserved_ip.0', '10.244.1.7'), parse('lock', ''), parse('10.244.1.8', '')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

it('takes no bridge from a plugin that has none', () => {
  const result = (interfaces: object[]) =>
    JSON.stringify({
      ...{ kind: 'cniCacheV1', networkName: 'n', containerId: 'c', ifName: 'eth0' },
      result: { interfaces, ips: [{ address: '10.0.0.2/24' }] },
    });
  expect(
    parseCachedResult(result([{ name: 'veth1' }, { name: 'eth0', sandbox: '/x' }]))?.bridge,
  ).toBeUndefined();
  expect(parseCachedResult(result([{ name: 'br' }, { name: 'veth1' }]))?.bridge).toBe('br');
});

it('ignores what is no result', () => {
  for (const text of ['', '{}', 'x', '{"kind":"cniCacheV1"}'])
    expect(parseCachedResult(text)).toBeUndefined();
});
