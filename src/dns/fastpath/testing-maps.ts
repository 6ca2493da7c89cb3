/** The DNS program's maps in memory, with what the kernel would answer out of them. */
import { FakeBpf } from '../../linux/bpf/fake-bpf.ts';
import { formatIp, ipFromBytes } from '../../net/ip.ts';
import { dnsNameFlags, layouts } from './generated/layouts.ts';

const hash = (name: string, keySize: number, valueSize: number, maxEntries = 1024) => ({
  name,
  keySize,
  valueSize,
  maxEntries,
});

export function fakeDnsBpf(): FakeBpf {
  const maps = [
    hash('dns_names', layouts.dnsShortName.size, layouts.dnsName.size),
    hash('dns_long_names', layouts.dnsLongName.size, layouts.dnsName.size),
    hash('dns_sets', 4, layouts.dnsSet.size),
    hash('dns_servers', layouts.dnsServerKey.size, 4),
    { ...hash('dns_config', 4, layouts.dnsConfig.size, 1), array: true },
    hash('dns_samples', 0, 0, 65536),
    { ...hash('dns_counters', 4, layouts.dnsCounters.size, 1), array: true },
  ];
  return new FakeBpf({ 'dns.bpf.o': { maps, programs: ['dns_pod_ingress'] } });
}

/** The answer to a question for a name's addresses, out of the maps below a pin directory, as texts; `server` where it is for user space. */
export function kernelAnswer(bpf: FakeBpf, pinDirectory: string, name: string): string[] | 'server' | 'none' {
  const map = (kind: string) => bpf.maps.get(`${pinDirectory}/${kind}`)!;
  if (layouts.dnsConfig.decode(map('dns_config').lookup(new Uint8Array(4))!).enabled === 0) return 'server';
  const key = new Uint8Array(layouts.dnsShortName.size);
  key.set(
    Buffer.concat([...name.split('.').flatMap((label) => [Uint8Array.of(label.length), Buffer.from(label)])]),
  );
  const value = map('dns_names').lookup(key);
  if (value === undefined) return 'none';
  const { flags, set, v4, v6 } = layouts.dnsName.decode(value);
  if (flags & dnsNameFlags.DNS_USER_SPACE) return 'server';
  if (!(flags & dnsNameFlags.DNS_IS_SET))
    return [...(flags & dnsNameFlags.DNS_HAS_V4 ? [v4] : []), ...(flags & dnsNameFlags.DNS_HAS_V6 ? [v6] : [])].map((bytes) => formatIp(ipFromBytes(bytes))); // biome-ignore format: one line
  const setKey = Buffer.alloc(4);
  setKey.writeUInt32LE(set);
  const all = layouts.dnsSet.decode(map('dns_sets').lookup(setKey)!);
  const pieces = (bytes: Uint8Array, size: number, count: number) =>
    Array.from({ length: count }, (_, i) => formatIp(ipFromBytes(bytes.slice(i * size, (i + 1) * size))));
  return [...pieces(all.v4, 4, all.v4Count), ...pieces(all.v6, 16, all.v6Count)];
}
