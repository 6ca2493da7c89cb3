import { expect, it } from 'vitest';
import { TendrilError } from '../../../util/errors.ts';
import { shortcutCount } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';
import { testDatapath } from './testing-datapath.ts';

const pin = '/pins/links/shortcut-established';

it('is there as long as it is asked for, also what an earlier process attached', () => {
  const { bpf, datapath } = testDatapath();
  const loads: string[] = [];
  const load = bpf.load.bind(bpf);
  bpf.load = (options) => {
    loads.push(options.path);
    return load(options);
  };
  datapath.shortcut.ensure(false);
  expect([loads, datapath.shortcut.status()]).toEqual([[], { state: 'off', connections: 0, bytes: 0 }]);
  datapath.shortcut.ensure(true);
  datapath.shortcut.ensure(true);
  expect([loads, bpf.links.get(pin)?.program]).toEqual([['/objects/sockmap.bpf.o'], 'shortcut_established']);
  datapath.close();
  testDatapath({ bpf }).datapath.shortcut.ensure(false);
  expect(bpf.links.has(pin)).toBe(false);
});

it('counts what goes its way, also after the last Service that asked', () => {
  const { datapath, map } = testDatapath();
  datapath.shortcut.ensure(true);
  const eight = new Uint8Array(8);
  new DataView(eight.buffer).setBigUint64(0, 8n, true);
  map('shortcut_counts').update(indexKey(shortcutCount.SHORTCUT_BYTES), eight);
  datapath.shortcut.ensure(false);
  expect(datapath.shortcut.status()).toEqual({ state: 'off', connections: 0, bytes: 8 });
  expect(datapath.shortcut.counts()).toMatchObject({ bytes: 8, 'no peer': 0, behind: 0, 'no room': 0 });
});

it('says what a kernel lacks, once, and lets Services go on', () => {
  const { bpf, datapath } = testDatapath();
  let tries = 0;
  bpf.load = () => {
    tries++;
    throw new TendrilError('BPF_LOAD', 'sockmap.bpf.o does not load: EPERM', { remedy: 'run as root' });
  };
  datapath.shortcut.ensure(true);
  datapath.shortcut.ensure(true);
  expect([tries, datapath.shortcut.status()]).toEqual([
    1,
    { state: 'unavailable', problem: expect.stringContaining('EPERM'), connections: 0, bytes: 0 },
  ]);
});
