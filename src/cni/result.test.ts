import { describe, expect, it } from 'vitest';
import { decodeResult, encodeResult } from './result.ts';
import { compareVersions } from './spec.ts';

const result = {
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1500, sandbox: '/run/netns/a' }],
  ips: [
    { address: '10.0.0.5/32', interface: 0 },
    { address: 'fd00::5/128', interface: 0 },
  ],
  routes: [{ dst: '0.0.0.0/0', gw: '169.254.1.1', mtu: 1400 }],
};

describe('a result', () => {
  it('of 1.1.0 has everything', () => {
    expect(encodeResult(result, '1.1.0')).toEqual(result);
  });

  it('of 1.0.0 has no MTU', () => {
    const encoded = encodeResult(result, '1.0.0');
    expect(encoded.interfaces).toEqual([{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' }]);
    expect(encoded.routes).toEqual([{ dst: '0.0.0.0/0', gw: '169.254.1.1' }]);
    expect(encoded.ips).toEqual(result.ips);
  });

  it.each(['0.3.1', '0.4.0'])('of %s names the family of each address', (version) => {
    expect(encodeResult(result, version).ips).toEqual([
      { version: '4', address: '10.0.0.5/32', interface: 0 },
      { version: '6', address: 'fd00::5/128', interface: 0 },
    ]);
  });

  it('comes back from any version in the latest shape', () => {
    for (const version of ['0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
      expect(decodeResult(encodeResult(result, version))).toMatchObject({
        cniVersion: version,
        ips: result.ips,
      });
    }
  });

  it.each([null, 'text', { ips: 'x' }, { ips: [{}] }, { interfaces: [1] }])('is refused: %o', (value) => {
    expect(() => decodeResult(value)).toThrow(expect.objectContaining({ cniCode: 6 }));
  });
});

it('orders versions by number', () => {
  expect(['1.1.0', '0.10.0', '0.9.0', '1.0.0'].sort(compareVersions)).toEqual([
    '0.9.0',
    '0.10.0',
    '1.0.0',
    '1.1.0',
  ]);
});
