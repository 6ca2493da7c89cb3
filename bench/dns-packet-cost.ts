/**
 * What the DNS program costs, by BPF_PROG_TEST_RUN: ns for a packet, without the stack around it. An answer is no
 * question when it is run again, so questions are run once each; what a single run measures too much is known from
 * packets that pass unchanged, which can be repeated.
 */
import { asker, DnsRig, edns, question } from '../bpf/tests/dns-rig.ts';
import { parseIp } from '../src/net/ip.ts';
import { packet } from '../src/net/packet.ts';
import { medianOf, type Report } from './report.ts';

export const claim =
  'a cluster name is answered within a microsecond of program time, out of cold caches too';

const families = [4, 6] as const;
const elsewhere = { 4: '10.244.2.2', 6: 'fd00:244:2::2' } as const;
const singles = 3000;
const repeated = 100_000;

export async function run(report: Report): Promise<void> {
  using rig = new DnsRig();
  const ips = (...texts: string[]) => ({ ips: texts.map((text) => parseIp(text)) });
  for (const name of ['cluster.local', 'svc.cluster.local', 'shop.svc.cluster.local'])
    rig.maps.set(name, ips());
  rig.maps.set('web.shop.svc.cluster.local', ips('10.96.0.7', 'fd00:96::7'));
  rig.maps.set('four.shop.svc.cluster.local', ips('10.96.0.8'));
  rig.maps.set('db.shop.svc.cluster.local', ips('10.244.0.1', '10.244.0.2', '10.244.0.3'));
  const asked: Record<string, Uint8Array> = {
    'an address': question('web.shop.svc.cluster.local'),
    'an address, EDNS': question('web.shop.svc.cluster.local', 'A', edns(1232)),
    'an IPv6 address': question('web.shop.svc.cluster.local', 'AAAA'),
    'three addresses': question('db.shop.svc.cluster.local'),
    NODATA: question('four.shop.svc.cluster.local', 'AAAA'),
    NXDOMAIN: question('nobody.shop.svc.cluster.local'),
    'NXDOMAIN in the search path': question('www.example.com.shop.svc.cluster.local'),
  };
  const passed: Record<string, Uint8Array> = {
    'no name of the cluster, passed on': question('www.example.com'),
    'no address asked for, passed on': question('web.shop.svc.cluster.local', 'SRV'),
  };
  for (const family of families) {
    const other = packet({ src: '02:00:00:00:00:0a', dst: '02:00:00:00:00:01' })
      .ip(asker[family], elsewhere[family])
      .tcp(4000, 80, { flags: 'A' })
      .payload('x'.repeat(100));
    const print = (name: string, costs: number[]) => {
      const { median, interval } = medianOf(costs);
      report({ name: `IPv${family} ${name}`, value: median, unit: 'ns', interval, runs: costs.length });
    };
    const many = (data: Uint8Array) => Array.from({ length: 9 }, () => rig.cost(data, repeated));
    const ones = (data: Uint8Array) =>
      Array.from({ length: singles }, (_, i) => {
        // Before the ring is full: then nothing more would be told.
        if (i % 200 === 0) rig.samples();
        return rig.cost(data, 1);
      });
    print('no question', many(other.bytes()));
    for (const [name, message] of Object.entries(passed))
      print(name, many(rig.datagram(message, family).bytes()));
    const repeatable = rig.datagram(passed['no name of the cluster, passed on']!, family).bytes();
    const excess = medianOf(ones(repeatable)).median - medianOf(many(repeatable)).median;
    for (const [name, message] of Object.entries(asked))
      print(
        name,
        ones(rig.datagram(message, family).bytes()).map((cost) => Math.max(0, cost - excess)),
      );
    rig.maps.sampleEvery(1);
    print(
      'an address, told of',
      ones(rig.datagram(asked['an address']!, family).bytes()).map((cost) => Math.max(0, cost - excess)),
    );
    rig.maps.sampleEvery(0);
  }
}
