import { expect, it } from 'vitest';
import { parseIpvsConnections } from './ipvs.ts';

/** As net/netfilter/ipvs/ip_vs_conn.c prints it. */
const table = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0AF40105 9C40 0A600001 0050 0AF40207 1F90 ESTABLISHED     899
TCP 0AF40105 9C42 0A600001 0050 0AF40207 1F90 TIME_WAIT       119
UDP 0AF40105 9C44 0A60000A 0035 0AF40203 0035 UDP             299
`;

it('counts connections that go on', () => {
  expect(parseIpvsConnections(table)).toBe(2);
  expect(parseIpvsConnections('Pro FromIP\n')).toBe(0);
});
