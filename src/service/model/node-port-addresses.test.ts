import { describe, expect, it } from 'vitest';
import { formatIp, parseIp } from '../../net/ip.ts';
import { nodePortAddresses, parseNodePortSelection, selectsAll } from './node-port-addresses.ts';

const own = ['10.9.0.1', '192.168.7.1', 'fd09::1', 'fd77::1', '169.254.3.4', 'fe80::1'].map(parseIp);
const selected = (...texts: string[]) =>
  nodePortAddresses(parseNodePortSelection(texts), own).map(formatIp).join(' ');

describe('the addresses that serve NodePorts', () => {
  it.each([
    [
      'all, loopback too, where nothing is selected',
      [],
      '10.9.0.1 192.168.7.1 127.0.0.1 fd09::1 fd77::1 ::1',
    ],
    ['the first of each family', ['primary'], '10.9.0.1 fd09::1'],
    ['those in a CIDR, and all of the other family', ['10.9.0.0/16'], '10.9.0.1 fd09::1 fd77::1 ::1'],
    ['those in CIDRs of both families', ['192.168.0.0/16', 'fd77::/64'], '192.168.7.1 fd77::1'],
    ['loopback where a CIDR holds it', ['127.0.0.0/8', '::1/128'], '127.0.0.1 ::1'],
    [
      'all where one of the CIDRs is the whole family',
      ['10.9.0.0/16', '0.0.0.0/0', 'fd77::/64'],
      '10.9.0.1 192.168.7.1 127.0.0.1 fd77::1',
    ],
    ['none where no address is in the CIDRs', ['1.0.0.0/8', 'fd01::/64'], ''],
  ])('are %s', (_, texts, expected) => {
    expect(selected(...texts)).toBe(expected);
  });

  it('are told to be all, by family', () => {
    const all = (...texts: string[]) =>
      ([4, 6] as const).map((f) => selectsAll(parseNodePortSelection(texts), f));
    expect(all()).toEqual([true, true]);
    expect(all('primary')).toEqual([false, false]);
    expect(all('10.0.0.0/8')).toEqual([false, true]);
    expect(all('10.0.0.0/8', '::/0')).toEqual([false, true]);
  });

  it.each([[['primary', '10.0.0.0/8']], [['10.0.0.1']], [['']]])('are not %j', (texts) => {
    expect(() => parseNodePortSelection(texts)).toThrow(/is no CIDR whose addresses serve NodePorts/);
  });
});
