import { describe, expect, it } from 'vitest';
import { type TestEndpoint, testSlice } from '../testing-objects.ts';
import { type Endpoint, endpointKey, endpointsByPort, readyHere, serviceOf } from './endpoint.ts';

const here = 'host1';

/** `L` on this node, `!` neither ready nor serving, `T` terminating. */
function words(endpoints: readonly Endpoint[]): string[] {
  return endpoints.map(
    (e) => `${endpointKey(e)}${e.local ? 'L' : ''}${e.serving ? '' : '!'}${e.terminating ? 'T' : ''}`,
  );
}

/** As kube-proxy's tests make them: 10.0.SLICE.1 and on, each on the next host, some not ready, some terminating. */
function slice(
  number: number,
  count: number,
  options: {
    unready?: number;
    terminating?: number;
    hosts?: string[];
    ports?: number[];
    offset?: number;
  } = {},
) {
  const { unready = 999, terminating = 999, hosts = [], ports = [80], offset = number } = options;
  const endpoints = Array.from({ length: count }, (_, i): TestEndpoint => {
    const n = i + 1;
    const serving = n % unready !== 0;
    const ends = n % terminating === 0;
    const host = hosts[n % hosts.length];
    return {
      ip: `10.0.${offset}.${n}`,
      ready: serving && !ends,
      serving,
      terminating: ends,
      ...(host !== undefined && { node: host }),
    };
  });
  return testSlice('svc1', {
    family: 4,
    suffix: `-${number}`,
    ports: ports.map((port, i) => ({ name: `port-${i}`, port })),
    endpoints,
  });
}

const joined = (...slices: ReturnType<typeof slice>[]) =>
  Object.fromEntries([...endpointsByPort(slices, here)].map(([name, endpoints]) => [name, words(endpoints)]));
it('of ports that nobody asks for one of each slice is kept, by which readiness here is known', () => {
  const ports = Array.from({ length: 5 }, (_, i) => ({ name: `port-${i}`, port: 80 + i }));
  const endpoints = [{ ip: '10.0.0.1', node: here }, { ip: '10.0.0.2' }];
  const many = testSlice('svc1', { family: 4, ports, endpoints });
  const wanted = new Set(['default/svc1:port-3/TCP'] as const);
  expect([...endpointsByPort([many], here, wanted).keys()]).toEqual(['default/svc1:port-3/TCP']);
  const none = endpointsByPort([many], here, new Set());
  expect([...none.keys()]).toEqual(['default/svc1:port-0/TCP']);
  expect(readyHere(none)).toEqual({ 4: 1, 6: 0 });
});

const port0 = 'default/svc1:port-0/TCP';
const port1 = 'default/svc1:port-1/TCP';
const addresses = (third: number, ...marks: string[]) =>
  marks.map((mark, i) => `10.0.${third}.${i + 1}|80${mark}`);

describe('kube-proxy’s own cases (endpointslicecache_test.go)', () => {
  it('one slice of three', () => {
    expect(joined(slice(1, 3))).toEqual({ [port0]: addresses(1, '', '', '') });
  });

  it('on two hosts, for two ports', () => {
    const both = slice(1, 3, { hosts: ['host1', 'host2'], ports: [80, 443] });
    expect(joined(both)).toEqual({
      [port0]: addresses(1, '', 'L', ''),
      [port1]: ['10.0.1.1|443', '10.0.1.2|443L', '10.0.1.3|443'],
    });
  });

  it('two slices that overlap: the later one counts', () => {
    const overlapping = [slice(1, 10, { unready: 3 }), slice(1, 10, { unready: 6 })];
    const marks = ['', '', '', '', '', '!', '', '', '', ''];
    expect(joined(...overlapping)).toEqual({ [port0]: addresses(1, ...marks) });
  });

  it('two slices that overlap, where some terminate too', () => {
    const overlapping = [
      slice(1, 10, { unready: 3, terminating: 5 }),
      slice(1, 10, { unready: 6, terminating: 5 }),
    ];
    const marks = ['', '', '', '', 'T', '!', '', '', '', 'T'];
    expect(joined(...overlapping)).toEqual({ [port0]: addresses(1, ...marks) });
  });

  it('two slices that overlap, none ready', () => {
    const marks = Array.from({ length: 10 }, () => '!');
    expect(joined(slice(1, 10, { unready: 1 }), slice(1, 10, { unready: 1 }))).toEqual({
      [port0]: addresses(1, ...marks),
    });
  });

  it.each([null, undefined, 0])('a port that is %s is left out', (port) => {
    expect(joined(slice(1, 3, { ports: [port as never] }))).toEqual({});
  });

  it('one address on two ports is two endpoints', () => {
    const hosts = ['host1', 'host2'];
    expect(joined(slice(1, 2, { hosts }), slice(2, 2, { hosts, ports: [8080], offset: 1 }))).toEqual({
      [port0]: ['10.0.1.1|80', '10.0.1.2|80L', '10.0.1.1|8080', '10.0.1.2|8080L'],
    });
  });

  it('of one address it takes what does not terminate, in whatever order they come', () => {
    const ip = '10.0.1.1';
    const old = { ip, node: here, ready: false, serving: true, terminating: true };
    const running = { ip, node: here };
    const ended = { ip, node: here, ready: false, serving: false, terminating: true };
    const ports = [{ name: 'port-0', port: 80 }];
    for (const endpoints of [
      [old, running, ended],
      [running, old, ended],
      [ended, old, running],
    ])
      expect(joined(testSlice('svc1', { family: 4, ports, endpoints }))).toEqual({
        [port0]: addresses(1, 'L'),
      });
  });
});

describe('what is read of a slice', () => {
  it('nothing of FQDN slices, without a Service, or of another proxy', () => {
    const plain = slice(1, 1);
    expect(serviceOf(plain)).toBe('default/svc1');
    expect(serviceOf({ ...plain, addressType: 'FQDN' })).toBeUndefined();
    const labelled = (labels: Record<string, string>) => ({
      ...plain,
      metadata: { ...plain.metadata, labels: { ...plain.metadata.labels, ...labels } },
    });
    expect(serviceOf({ ...plain, metadata: { ...plain.metadata, labels: {} } })).toBeUndefined();
    expect(serviceOf(labelled({ 'service.kubernetes.io/service-proxy-name': 'x' }))).toBeUndefined();
    expect(serviceOf(labelled({ 'service.kubernetes.io/headless': '' }))).toBeUndefined();
  });

  it('the first of an endpoint’s addresses, and none of what has no address', () => {
    const several = slice(1, 1);
    several.endpoints!.push({ addresses: [] });
    several.endpoints![0]!.addresses.push('10.0.1.9');
    expect(joined(several)).toEqual({ [port0]: addresses(1, '') });
  });
});

describe('what a health check counts', () => {
  it('addresses of this node that are ready, each once however many ports it has', () => {
    const both = slice(1, 8, { hosts: [here], unready: 3, terminating: 4, ports: [80, 443] });
    const elsewhere = slice(2, 2, { hosts: ['host2'] });
    // 3 and 6 are not ready, 4 and 8 terminate.
    expect(readyHere(endpointsByPort([both, elsewhere], here))).toEqual({ 4: 4, 6: 0 });
  });
});
