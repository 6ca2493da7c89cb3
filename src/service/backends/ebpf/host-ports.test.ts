/** Host ports beside Services in maps that are in memory: who has what, and what remains. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../../kube/types.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import type { HostPort, PodHostPorts } from '../../model/host-port.ts';
import { ServiceTracker } from '../../model/service-tracker.ts';
import { TestStore, testService, testSlice } from '../../testing-objects.ts';
import { EbpfServiceBackend } from './ebpf-backend.ts';
import { layouts } from './generated/layouts.ts';
import { HostPortTable } from './host-ports.ts';
import { indexKey } from './index-key.ts';
import { type TestDatapath, testDatapath, trace } from './testing-datapath.ts';

let at: TestDatapath;
let services: TestStore<Service>;
let slices: TestStore<EndpointSlice>;
let backend: EbpfServiceBackend;
let tracker: ServiceTracker;
let table: HostPortTable;
let addresses: string[];
let closed: string[];

beforeEach(() => {
  services = new TestStore<Service>();
  slices = new TestStore<EndpointSlice>();
  addresses = ['10.9.0.1', 'fd09::1'];
  start(testDatapath());
});

function start(datapath: TestDatapath): void {
  at = datapath;
  closed = [];
  backend = new EbpfServiceBackend(at.datapath, () => table.use());
  tracker = new ServiceTracker({
    ...{ services, slices, onDirty: () => {} },
    node: { name: 'here', addresses: () => addresses.map(parseIp) },
  });
  table = new HostPortTable({
    map: (name) => at.map(name),
    nodeAddresses: () => addresses.map(parseIp),
    nextEpoch: () => at.datapath.nextEpoch(),
    onClosed: ({ key }) => closed.push(key),
  });
}

async function sync(): Promise<void> {
  await backend.sync(await tracker.update(() => undefined));
  table.removeOthers(backend.takeFoundHostPorts());
  table.sync();
}

const restart = (mapSizes?: Record<string, number>) =>
  start(testDatapath({ bpf: at.bpf, ...(mapSizes && { mapSizes }) }));

function pod(name: string, host: number, port: Partial<HostPort> = {}): PodHostPorts {
  const ports: HostPort[] = [{ hostPort: 8080, containerPort: 80, protocol: 'TCP', ...port }];
  const ips = [`10.244.1.${host}`, `fd00:244:1::${host}`].map(parseIp);
  return { key: `${name}/eth0`, name: `shop/${name}`, ips, ports };
}

const web = pod('web', 2);
const to = (ip: string, port = 8080) => trace(at, { to: ip, port, from: 'external' });
const sizes = () => ['frontends', 'slots', 'backends'].map((map) => [...at.map(map).entries()].length);

/** A Service with a NodePort on the port of the pods', with an endpoint elsewhere. */
function nodePort(nodePort = 8080): void {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const, nodePort }];
  services.set(
    testService('shop', { type: 'NodePort', clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports }),
  );
  const endpoints = [{ ip: '10.244.2.2', node: 'there' }];
  slices.set(
    testSlice('shop', { family: 4, ports: [{ name: 'http', port: 9000, protocol: 'TCP' }], endpoints }),
  );
}

describe('open and close', () => {
  it('leads from each address of the node to the pod, and loopback only the node’s own', () => {
    table.open(web);
    expect(to('10.9.0.1')).toEqual(['10.244.1.2|80']);
    expect(to('fd09::1')).toEqual(['fd00:244:1::2|80']);
    expect(to('127.0.0.1')).toEqual(['10.244.1.2|80']);
    expect(trace(at, { to: '10.9.0.1', port: 8080, protocol: 'UDP' })).toBe('no service');
    expect(sizes()).toEqual([4, 2, 2]);
  });

  it('leaves nothing behind, and tells once', () => {
    table.open(web);
    table.close(web.key);
    table.close(web.key);
    expect(sizes()).toEqual([0, 0, 0]);
    expect(closed).toEqual([web.key]);
  });

  it('writes nothing where nothing changed', () => {
    table.open(web);
    const writes = at.map('frontends').writes;
    table.open(web);
    table.sync();
    expect(at.map('frontends').writes).toBe(writes);
    expect(closed).toEqual([]);
  });

  it('replaces what the attachment had', () => {
    table.open(web);
    table.open(pod('web', 2, { hostPort: 8081 }));
    expect(to('10.9.0.1')).toBe('no service');
    expect(to('10.9.0.1', 8081)).toEqual(['10.244.1.2|80']);
    expect(sizes()).toEqual([4, 2, 2]);
  });

  it('gives no number again: what a connection remembers is never another pod', () => {
    const numberOf = () => {
      const key = layouts.frontendKey.encode({ addr: parseIp('10.9.0.1'), port: 8080, proto: 6 });
      return layouts.frontend.decode(at.map('frontends').lookup(key)!).internal.id;
    };
    table.open(web);
    const first = numberOf();
    table.close(web.key);
    table.open(pod('other', 3));
    expect(numberOf()).toBeGreaterThan(first);
  });

  it('follows the node’s addresses', () => {
    table.open(web);
    addresses = ['10.9.0.2', 'fd09::1'];
    table.sync();
    expect(to('10.9.0.1')).toBe('no service');
    expect(to('10.9.0.2')).toEqual(['10.244.1.2|80']);
    expect(sizes()).toEqual([4, 2, 2]);
  });
});

describe('two that want one', () => {
  it('the pod that came first has it, the other once that is gone', () => {
    table.open(web);
    table.open(pod('other', 3));
    expect(to('10.9.0.1')).toEqual(['10.244.1.2|80']);
    expect(table.list().map(({ pod, addresses: [first] }) => [pod, first!.state])).toEqual([
      ['shop/web', 'serving'],
      ['shop/web', 'serving'],
      ['shop/other', 'taken by another pod'],
      ['shop/other', 'taken by another pod'],
    ]);
    table.close(web.key);
    expect(to('10.9.0.1')).toEqual(['10.244.1.3|80']);
    expect(sizes()).toEqual([4, 2, 2]);
  });

  it('pods on different addresses do not meet', () => {
    addresses = ['10.9.0.1', '10.9.0.2'];
    table.open(pod('web', 2, { hostIp: parseIp('10.9.0.1') }));
    table.open(pod('other', 3, { hostIp: parseIp('10.9.0.2') }));
    expect([to('10.9.0.1'), to('10.9.0.2')]).toEqual([['10.244.1.2|80'], ['10.244.1.3|80']]);
  });

  it.each(['before', 'after'])('a NodePort that comes %s the pod has it, until it goes', async (when) => {
    if (when === 'after') table.open(web);
    nodePort();
    await sync();
    if (when === 'before') table.open(web);
    expect(to('10.9.0.1')).toEqual(['10.244.2.2|9000']);
    expect(to('fd09::1')).toEqual(['fd00:244:1::2|80']);
    expect(table.list()[0]!.addresses[0]!.state).toBe('taken by a Service');
    services.remove('default/shop');
    await sync();
    expect(to('10.9.0.1')).toEqual(['10.244.1.2|80']);
  });

  it('a Service that keeps its NodePort is not disturbed by a pod that goes', async () => {
    table.open(web);
    nodePort();
    await sync();
    table.close(web.key);
    expect(to('10.9.0.1')).toEqual(['10.244.2.2|9000']);
    expect(to('fd09::1')).toBe('no service');
  });
});

describe('another process', () => {
  it('takes over what pods have, with its numbers and generations', async () => {
    table.open(web);
    await sync();
    const before = [...at.map('backends').entries()].map(String);
    restart();
    table.open(web);
    await sync();
    expect([...at.map('backends').entries()].map(String)).toEqual(before);
    expect(to('10.9.0.1')).toEqual(['10.244.1.2|80']);
  });

  it('removes what no pod has any more, and touches no Service', async () => {
    nodePort(30_080);
    table.open(web);
    table.open(pod('other', 3, { hostPort: 8081 }));
    await sync();
    restart();
    table.open(pod('other', 3, { hostPort: 8081 }));
    await sync();
    expect(to('10.9.0.1')).toBe('no service');
    expect(to('10.9.0.1', 8081)).toEqual(['10.244.1.3|80']);
    expect(to('10.9.0.1', 30_080)).toEqual(['10.244.2.2|9000']);
  });

  it('numbers a new pod past what is there, whoever is opened first', async () => {
    table.open(web);
    await sync();
    restart();
    table.open(pod('other', 3, { hostPort: 8081 }));
    table.open(web);
    expect(to('10.9.0.1')).toEqual(['10.244.1.2|80']);
    expect(to('10.9.0.1', 8081)).toEqual(['10.244.1.3|80']);
  });
});

describe('maps that are full', () => {
  it('refuse the pod, and keep nothing of it', () => {
    start(testDatapath({ mapSizes: { frontends: 3 } }));
    expect(() => table.open(web)).toThrow(expect.objectContaining({ code: 'MAP_FULL' }));
    expect(sizes()).toEqual([0, 0, 0]);
    expect(table.list()).toEqual([]);
  });

  it('have the room of a pod that goes for the one that waits for its port', () => {
    start(testDatapath({ mapSizes: { backends: 2 } }));
    table.open(web);
    table.open(pod('other', 3));
    table.close(web.key);
    expect(to('10.9.0.1')).toEqual(['10.244.1.3|80']);
    expect(sizes()).toEqual([4, 2, 2]);
  });

  it('leave the room of host ports to them: Services are refused, not host ports', async () => {
    start(testDatapath({ mapSizes: { frontends: 5 } }));
    table.open(web);
    nodePort(30_080);
    await sync();
    expect(backend.refusal()?.message).toMatch(/^the map of frontends is full with 1 entries/);
    expect(to('10.9.0.1')).toEqual(['10.244.1.2|80']);
  });
});

describe('check', () => {
  it('finds nothing where all is as it was', () => {
    table.open(web);
    expect(table.check(web)).toEqual([]);
  });

  it('finds ports that are not open, or others', () => {
    expect(table.check(web)).toEqual(['its host ports are not open']);
    table.open(web);
    expect(table.check(pod('web', 2, { containerPort: 81 }))).toEqual(['its host ports are not open']);
  });

  it('finds what somebody removed', () => {
    table.open(web);
    for (const [key] of at.map('frontends').entries()) {
      const { addr } = layouts.frontendKey.decode(key);
      if (formatIp(addr) === '10.9.0.1') at.map('frontends').delete(key);
    }
    expect(table.check(web)).toEqual(['host port 8080/TCP is not as it was opened']);
    table.sync();
    expect(table.check(web)).toEqual([]);
  });
});

it('names its numbers, for people', () => {
  table.open(web);
  const [key] = [...at.map('backends').entries()][0]!;
  const number = Buffer.from(key).readUInt32LE();
  expect(table.name(number)).toBe('shop/web:8080/TCP');
  expect(at.map('backends').lookup(indexKey(number))).toBeDefined();
});
