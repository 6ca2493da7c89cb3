import { expect, test } from 'vitest';
import { relayPlaces } from './relay.ts';

const lab = { apiServerIps: ['172.20.0.2', 'fd00:10:20::2'], apiServerPort: 6443 };
const own = lab.apiServerIps.map((ip) => ({ netns: 'fabric', ip, port: 6443 }));

test.each([
  ['an address of the machine', { ip: '192.0.2.2', port: 16443 }, { netns: 'outside' }],
  ["the lab's own with another port", { ip: '172.20.0.2', port: 16443 }, { netns: 'fabric' }],
])('a Service that leads to %s', (_, at, where) => {
  expect(relayPlaces(lab, { advertised: [at] })).toEqual([...own, { ...at, ...where }]);
});

test('a Service that leads to where the lab listens already', () => {
  expect(relayPlaces(lab, { advertised: [{ ip: '172.20.0.2', port: 6443 }] })).toEqual(own);
});
