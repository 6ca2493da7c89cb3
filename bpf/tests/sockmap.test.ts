/**
 * The short way from socket to socket, on one real node with three pods: what the two ends of a connection see is the
 * same as over plain TCP, but for what docs/adr/0006-socket-shortcut.md names; and nobody gets into another's socket.
 */
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookie } from '../../src/linux/bpf/netns-cookie.ts';
import { SOL_SOCKET } from '../../src/linux/ffi/constants.ts';
import { withNetns } from '../../src/linux/netns/netns.ts';
import { parseIp } from '../../src/net/ip.ts';
import { datagram } from '../../src/net/packet.ts';
import { createServiceProxy, type ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { silentLogger } from '../../src/util/logger.ts';
import { MetricRegistry } from '../../src/util/metrics.ts';
import {
  addresses,
  at,
  bpfIn,
  objectsDirectory,
  TestCluster,
  type TestNode,
  type TestPod,
} from './cluster.ts';
import { RawSocket } from './raw-socket.ts';
import { events, flags, type StreamAddress, StreamSocket } from './stream-socket.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];
const clusterIps = {
  short: ['10.96.0.1', 'fd00:96::1'],
  ordinary: ['10.96.0.2', 'fd00:96::2'],
} as const;
type Way = keyof typeof clusterIps;
const port = 8080;
const SO_RCVLOWAT = 18;
const SO_ZEROCOPY = 60;
/** IPPROTO_RAW: a raw socket that is given the IP header too. */
const wholePackets = 255;

let cluster: TestCluster;
let node: TestNode;
let client: TestPod;
let server: TestPod;
let stranger: TestPod;
let proxy: ServiceProxy;
const metrics = new MetricRegistry();
const services = new TestStore<Service>();
const slices = new TestStore<EndpointSlice>();
let directory: string;

function serve(name: Way, enabled: boolean): void {
  const service = testService(name, {
    clusterIP: clusterIps[name][0],
    clusterIPs: [...clusterIps[name]],
    ports: [{ port: 80, targetPort: port }],
  });
  const annotations: Record<string, string> = enabled ? { 'tendril.dev/socket-shortcut': 'enabled' } : {};
  services.set({ ...service, metadata: { ...service.metadata, annotations } });
  for (const family of families) {
    const endpoints = [{ ip: server.ips[family], node: node.name }];
    slices.set(testSlice(name, { family, ports: [{ port }], endpoints }));
  }
}

function attach({ ifindex, ips, mac, link, netns }: TestPod): void {
  const cookie = withNetns(netns, netnsCookie);
  proxy.attachPod({ ifindex, ips: families.map((f) => parseIp(ips[f])), mac, link, netnsCookie: cookie });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-sockmap-'));
  cluster = new TestCluster();
  node = cluster.nodes[0]!;
  client = node.pod;
  server = cluster.addPod(node, 3);
  stranger = cluster.addPod(node, 4);
  serve('short', true);
  serve('ordinary', false);
  proxy = await start();
});

async function start(mapSizes: Record<string, number> = {}): Promise<ServiceProxy> {
  const { pinDirectory, cgroup, uplinkIfindex, name } = node;
  const started = withNetns(node.netns, () =>
    createServiceProxy(
      {
        ...{ services, slices, metrics, logger: silentLogger },
        node: { name, addresses: () => addresses(node) },
        bpf: { objectsDirectory, pinDirectory, cgroup, uplinkIfindex, mapSizes },
      },
      { bpf: bpfIn(node.netns), netnsCookie },
    ),
  );
  await started.start();
  proxy = started;
  for (const pod of [client, server, stranger]) attach(pod);
  await started.synced();
  return started;
}

afterAll(async () => {
  await proxy.cleanup();
  cluster.close();
  rmSync(directory, { recursive: true });
});

const open: StreamSocket[] = [];
let listener: StreamSocket;
beforeEach(() => {
  listener = at({ netns: server.netns, cgroup: node.cgroup }, () => StreamSocket.listen({ ip: '::', port }));
});
afterEach(() => {
  for (const socket of [listener, ...open.splice(0)]) socket.close();
});

interface Ends {
  /** Of the client's and of the server's end. */
  one: StreamSocket;
  other: StreamSocket;
}

function connect(to: StreamAddress, from: { netns: TestPod['netns'] } = client): Ends {
  const one = at({ netns: from.netns, cgroup: node.cgroup }, () => StreamSocket.connect(to));
  const ends = { one, other: listener.accept() };
  open.push(ends.one, ends.other);
  return ends;
}

const serviceAddress = (way: Way, family: Family) => ({
  ip: clusterIps[way][family === 4 ? 0 : 1],
  port: 80,
});
const through = (way: Way, family: Family) => connect(serviceAddress(way, family));
const counted = () => proxy.status().socketShortcut!;

/** What went the short way while `use` ran. */
function shortened(use: () => void): { connections: number; bytes: number } {
  const before = counted();
  use();
  const { connections, bytes } = counted();
  return { connections: connections - before.connections, bytes: bytes - before.bytes };
}

describe.each(families)('IPv%i', (family) => {
  it('takes the data of a Service that asks for it, both ways, and of no other', () => {
    const talk = (way: Way) => () => {
      const { one, other } = through(way, family);
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        expect(from.send('0123456789')).toBe(10);
        expect(to.text()).toBe('0123456789');
      }
    };
    expect(shortened(talk('short'))).toEqual({ connections: 1, bytes: 20 });
    expect(shortened(talk('ordinary'))).toEqual({ connections: 0, bytes: 0 });
  });

  it('knows both ends of AF_INET6 sockets that speak IPv4', () => {
    const used = shortened(() => {
      const { one, other } = connect({ ...serviceAddress('short', family), ipv6Socket: true });
      one.send('x');
      expect(other.text()).toBe('x');
    });
    expect(used).toEqual({ connections: 1, bytes: 1 });
  });

  it('leaves alone what goes to the pod itself, from the node, and directly', () => {
    const used = shortened(() => {
      for (const from of [server, node]) {
        const { one, other } = connect(serviceAddress('short', family), from);
        one.send('x');
        expect(other.text()).toBe('x');
      }
      const { one, other } = connect({ ip: server.ips[family], port });
      one.send('x');
      expect(other.text()).toBe('x');
    });
    expect(used).toEqual({ connections: 0, bytes: 0 });
  });

  /** What was sent the ordinary way waits in another queue. */
  it('never overtakes what was sent the ordinary way, and is taken again once that is read', () => {
    const { one, other } = through('short', family);
    other.setInt(SOL_SOCKET, SO_RCVLOWAT, 2);
    const used = shortened(() => {
      one.send('a');
      other.setInt(SOL_SOCKET, SO_RCVLOWAT, 1);
      one.send('b');
      one.send('c');
    });
    expect(used.bytes).toBe(0);
    expect(other.text(2)).toBe('ab');
    expect(shortened(() => one.send('d')).bytes).toBe(0);
    expect(other.text() + (other.poll(events.in, 0) ? other.text() : '')).toBe('cd');
    expect(shortened(() => one.send('ef')).bytes).toBe(2);
    expect(other.text()).toBe('ef');
  });

  describe('is as plain TCP', () => {
    /** What the ends see, as values to compare. */
    const cases: Record<string, (ends: Ends) => unknown> = {
      'many small writes, read at once': ({ one, other }) => {
        for (let i = 0; i < 500; i++) one.send(`${i},`);
        one.shutdown(1);
        return other.drain();
      },
      'large writes of all sizes, read in others': ({ one, other }) => {
        let [sent, got] = ['', ''];
        for (let size = 1; size < 200_000; size *= 3) {
          const data = Buffer.alloc(size, size.toString(36));
          sent += data.toString('latin1');
          one.send(data);
          while (got.length < sent.length - 1000) got += other.text(7777);
        }
        one.shutdown(1);
        got += other.drain();
        return [got === sent, got.length];
      },
      'the end after data, and an answer to a half-closed client': ({ one, other }) => {
        one.send('question');
        one.shutdown(1);
        const question = other.drain();
        other.send('answer');
        other.close();
        return [question, one.drain()];
      },
      'data of a sender that has closed': ({ one, other }) => {
        one.send('last words');
        one.close();
        return [other.text(4), other.drain()];
      },
      'both ends closed, one with the other’s data still to read': ({ one, other }) => {
        other.send('to the client');
        one.shutdown(1);
        other.shutdown(1);
        other.drain();
        return one.drain();
      },
      'writing to an end that is gone': ({ one, other }) => {
        other.close();
        one.poll(events.in);
        const first = one.send('x');
        one.poll(events.err | events.hup);
        return [first, one.send('y'), one.text()];
      },
      'a reset, after data and without': ({ one, other }) => {
        one.send('last words');
        one.resetOnClose();
        one.close();
        return [other.text(4), other.drain(), other.poll(events.in | events.rdHup, 0)];
      },
      'how much is there to read': ({ one, other }) => {
        one.send('abc');
        other.poll(events.in);
        return other.waiting();
      },
      'readiness to read': ({ one, other }) => {
        const before = other.poll(events.in | events.rdHup, 0);
        one.send('x');
        const with_ = other.poll(events.in | events.rdHup);
        other.text();
        const after = other.poll(events.in | events.rdHup, 0);
        one.shutdown(1);
        return [before, with_, after, other.poll(events.in | events.rdHup)];
      },
      'a look without taking': ({ one, other }) => {
        one.send('abc');
        other.poll(events.in);
        return [other.text(2, flags.peek), other.text(9, flags.peek), other.text()];
      },
      'nothing to read': ({ other }) => other.text(1, flags.dontWait),
      'a file': ({ one, other }) => {
        const path = join(directory, 'file');
        writeFileSync(path, Buffer.alloc(300_000, 'file '));
        const file = openSync(path, 'r');
        const sent: (number | string)[] = [];
        let got = '';
        try {
          for (let i = 0; i < 30 && got.length < 300_000; i++) {
            sent.push(one.sendFile(file, 10_000));
            while (got.length < Math.min(10_000 * (i + 1), 300_000)) got += other.text(10_000);
          }
        } finally {
          closeSync(file);
        }
        return [sent, got === 'file '.repeat(60_000)];
      },
    };

    it.each(Object.keys(cases))('%s', (name) => {
      const [short, ordinary] = (['short', 'ordinary'] as const).map((way) =>
        cases[name]!(through(way, family)),
      );
      expect(short).toEqual(ordinary);
    });
  });

  /** Each is a reason why a Service has to ask for the short way. */
  describe('differs from plain TCP, as long as kernels do', () => {
    const both = (name: string, use: (ends: Ends) => unknown, expected: Record<Way, unknown>) =>
      it(name, () => {
        const seen = (way: Way) => use(through(way, family));
        expect({ short: seen('short'), ordinary: seen('ordinary') }).toEqual(expected);
      });

    both(
      'an end that closes with data unread ends the stream rather than resetting it',
      ({ one, other }) => {
        one.send('unread');
        other.poll(events.in);
        other.close();
        one.poll(events.in);
        return one.text();
      },
      { short: '', ordinary: '<ECONNRESET>' },
    );

    both(
      'urgent data comes in line',
      ({ one, other }) => {
        one.send('ab');
        one.send('!', flags.oob);
        one.shutdown(1);
        const urgent = other.poll(events.pri, 0) !== 0;
        return [urgent, other.drain()];
      },
      { short: [false, 'ab!'], ordinary: [true, 'ab'] },
    );

    both(
      'a reader is woken before SO_RCVLOWAT bytes are there',
      ({ one, other }) => {
        one.send('a');
        other.setInt(SOL_SOCKET, SO_RCVLOWAT, 2);
        return other.poll(events.in, 0) !== 0;
      },
      { short: true, ordinary: false },
    );

    both(
      'splice(2) finds nothing to take out of the socket',
      ({ one, other }) => {
        one.send('abc');
        other.poll(events.in);
        return other.splice(100);
      },
      { short: '<EAGAIN>', ordinary: 'abc' },
    );

    both(
      'MSG_ZEROCOPY is never told of as done',
      ({ one, other }) => {
        one.setInt(SOL_SOCKET, SO_ZEROCOPY, 1);
        one.send(Buffer.alloc(20_000), flags.zeroCopy);
        other.text();
        return (one.poll(events.err, 100) & events.err) !== 0;
      },
      { short: false, ordinary: true },
    );

    it('MSG_WAITALL gives what is there', () => {
      const { one, other } = through('short', family);
      one.send('ab');
      const before = performance.now();
      expect(other.text(4, flags.waitAll)).toBe('ab');
      // The ordinary way waits for the socket's timeout, 2 s.
      expect(performance.now() - before).toBeLessThan(1900);
    });
  });

  it('leaves alone sockets whose data another layer will encrypt', (context) => {
    for (const tls of ['one', 'other'] as const) {
      const ends = through('short', family);
      if (!ends[tls].useUlp('tls')) context.skip('this kernel has no TLS of its own (CONFIG_TLS)');
      expect(shortened(() => ends.one.send('x')).bytes).toBe(0);
      expect(ends.other.text()).toBe('x');
    }
  });

  it('holds a writer back whose reader is slow, and loses nothing', () => {
    const { one, other } = through('short', family);
    const chunk = Buffer.alloc(100_000);
    let sent = 0;
    const fill = () => {
      for (;;) {
        for (let i = 0; i < chunk.length; i++) chunk[i] = (sent + i) % 251;
        const taken = one.send(chunk, flags.dontWait);
        if (typeof taken === 'string') return taken;
        sent += taken;
      }
    };
    expect(fill()).toBe('EAGAIN');
    expect(sent).toBeLessThan(16 << 20);
    expect(one.poll(events.out, 0)).toBe(0);
    let got = 0;
    let wrong = 0;
    const take = (upTo: number) => {
      while (got < upTo) {
        const part = other.receive(1 << 20);
        if (typeof part === 'string' || part.length === 0) throw new Error(`after ${got} bytes: ${part}`);
        for (const byte of part) if (byte !== got++ % 251) wrong++;
      }
    };
    take(sent);
    expect(one.poll(events.out)).toBe(events.out);
    expect(fill()).toBe('EAGAIN');
    take(sent);
    expect(wrong).toBe(0);
    // After a write that was held back the kernel sends once more without asking.
    one.send('once more');
    expect(other.text()).toBe('once more');
    expect(shortened(() => one.send('again')).bytes).toBe(5);
  });

  it('goes the ordinary way to a peer that is gone, which resets it', () => {
    const { one, other } = through('short', family);
    one.send('x');
    other.text();
    other.close();
    one.poll(events.in);
    expect(shortened(() => one.send('y')).bytes).toBe(0);
    one.poll(events.err | events.hup);
    expect(one.send('z')).toBe('EPIPE');
  });

  it('ends for new connections with its pod, and the node goes on', () => {
    const { one, other } = through('short', family);
    proxy.detachPod(client.ifindex);
    expect(shortened(() => one.send('x')).bytes).toBe(1);
    expect(other.text()).toBe('x');
    other.close();
    one.close();
    attach({ ...client, netns: stranger.netns, ips: stranger.ips });
    attach(stranger);
    attach(client);
    expect(shortened(() => through('short', family)).connections).toBe(1);
  });

  /** A pod may have all capabilities in its own namespace: any address, any packet. */
  describe('lets nobody into a connection of others', () => {
    /** A connection of client and server, and what they say to each other after the attack. */
    function attacked(attack: (clientPort: number, ends: Ends) => void): { joined: number; heard: string[] } {
      const ends = through('short', family);
      ends.one.send('before');
      ends.other.text();
      const { connections } = shortened(() => attack(ends.one.localPort(), ends));
      ends.one.send('after');
      ends.other.send('well');
      return { joined: connections, heard: [ends.other.text(), ends.one.text()] };
    }
    const untouched = { joined: 0, heard: ['after', 'well'] };
    const loopback = (pod: TestPod, action: 'add' | 'del', ...owners: TestPod[]) =>
      cluster.inside(
        pod.path,
        owners
          .map(({ ips }) => `ip addr ${action} ${ips[family]}/${family === 4 ? 32 : '128 nodad'} dev lo`)
          .join(';'),
      );

    it('by the same four numbers in another namespace, through the same Service', () => {
      const result = attacked((clientPort) => {
        loopback(stranger, 'add', client, server);
        try {
          at({ netns: stranger.netns, cgroup: node.cgroup }, () => {
            using fakeServer = StreamSocket.listen({ ip: server.ips[family], port });
            using one = StreamSocket.connect(serviceAddress('short', family), {
              ip: client.ips[family],
              port: clientPort,
            });
            using other = fakeServer.accept();
            one.send('forged');
            other.send('forged too');
            expect([other.text(), one.text()]).toEqual(['forged', 'forged too']);
          });
        } finally {
          loopback(stranger, 'del', client, server);
        }
      });
      expect(result).toEqual(untouched);
    });

    it('by a handshake with oneself in the server’s name', () => {
      const result = attacked(() => {
        loopback(stranger, 'add', server);
        try {
          at({ netns: stranger.netns, cgroup: node.cgroup }, () => {
            using fakeServer = StreamSocket.listen({ ip: server.ips[family], port });
            using one = StreamSocket.connect(serviceAddress('short', family));
            using other = fakeServer.accept();
            one.send('forged');
            expect(other.text()).toBe('forged');
          });
        } finally {
          loopback(stranger, 'del', server);
        }
      });
      expect(result).toEqual(untouched);
    });

    it('by a connection without a handshake (TCP_REPAIR)', () => {
      const result = attacked(() => {
        at({ netns: stranger.netns, cgroup: node.cgroup }, () => {
          using one = StreamSocket.connect(serviceAddress('short', family), undefined, { repair: true });
          one.send('forged');
        });
      });
      expect(result).toEqual(untouched);
    });

    it('by segments from another pod that name the client, or from outside', () => {
      const result = attacked((clientPort, { one }) => {
        const segments = ['S', 'A', 'PA', 'R'].map((kind) =>
          datagram()
            .ip(client.ips[family], server.ips[family])
            .tcp(clientPort, port, { flags: kind, seq: 1 })
            .payload(kind === 'PA' ? 'forged' : '')
            .bytes(),
        );
        for (const place of [stranger, cluster.client]) {
          route(place, 'add');
          try {
            at({ netns: place.netns }, () => {
              using raw = new RawSocket(family, wholePackets);
              for (const segment of segments) raw.send(server.ips[family], segment);
            });
          } finally {
            route(place, 'del');
          }
        }
        expect(one.poll(events.hup | events.err, 0)).toBe(0);
      });
      expect(result).toEqual(untouched);
    });

    const route = ({ path }: { path: string }, action: 'add' | 'del') => {
      if (path !== cluster.client.path) return;
      const flag = family === 4 ? '-4' : '-6';
      cluster.inside(path, `ip ${flag} route ${action} ${server.ips[family]} via ${node.ips[family]}`);
    };
  });
});

describe('an agent that starts again', () => {
  it('leaves connections on their way, and takes new ones while a Service asks', async () => {
    const { one, other } = through('short', 4);
    await proxy.stop();
    const during = through('short', 4);
    await start();
    for (const ends of [{ one, other }, during, through('short', 4)]) {
      expect(shortened(() => ends.one.send('x')).bytes).toBe(1);
      expect(ends.other.text()).toBe('x');
    }
    expect(counted().state).toBe('on');
  });

  it('leaves maps of another size to the connections that are in them', async () => {
    const { one, other } = through('short', 4);
    await proxy.stop();
    await start({ shortcut_ends: 100, shortcut_sockets: 100 });
    one.send('x');
    expect([other.text(), counted().state]).toEqual(['x', 'on']);
    const after = through('short', 4);
    expect(shortened(() => after.one.send('y')).bytes).toBe(1);
    expect(after.other.text()).toBe('y');
  });

  it('takes no new ones once no Service asks, and again once one does', async () => {
    const { one, other } = through('short', 6);
    serve('short', false);
    await vi.waitFor(() => expect(counted().state).toBe('off'));
    expect(shortened(() => through('short', 6)).connections).toBe(0);
    expect(shortened(() => one.send('x')).bytes).toBe(1);
    expect(other.text()).toBe('x');
    serve('short', true);
    await vi.waitFor(() => expect(counted().state).toBe('on'));
    expect(shortened(() => through('short', 6)).connections).toBe(1);
  });
});

/** Last: its server keeps the port. */
describe('while both ends run at once', () => {
  /** Whatever way each piece takes: the digest of all that came, sent back over the half-closed connection. */
  it('brings long streams over whole', async () => {
    listener.close();
    const answer = `SYSTEM:'sha256sum'`;
    const listening = `TCP6-LISTEN:${port},fork,reuseaddr,ipv6only=0`;
    cluster.spawnManaged(server, node.cgroup, `exec socat ${listening} ${answer}`);
    await vi.waitFor(() => cluster.inside(server.path, `ss -Htln sport = ${port} | grep -q .`));
    const before = counted();
    const digests = await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        const file = join(directory, `stream-${n}`);
        const to = n % 2 ? `TCP6:[${clusterIps.short[1]}]:80` : `TCP4:${clusterIps.short[0]}:80`;
        const send = `head -c ${8 << 20} /dev/urandom | tee ${file} | socat -b ${[100, 5000, 65536, 300000][n]} -t 20 - ${to}`;
        const got = await outputOf(cluster.spawnManaged(client, node.cgroup, send));
        return [got.slice(0, 64), createHash('sha256').update(readFileSync(file)).digest('hex')];
      }),
    );
    for (const [got, sent] of digests) expect(got).toBe(sent);
    expect(counted().connections - before.connections).toBe(4);
    expect(counted().bytes - before.bytes).toBeGreaterThan(8 << 20);
  }, 30_000);

  async function outputOf({ stdout }: ChildProcess): Promise<string> {
    let text = '';
    for await (const part of stdout!) text += part;
    return text;
  }
});
