/** The DNS program's maps in memory, with what the kernel would answer out of them. */
import { FakeBpf } from '../../linux/bpf/fake-bpf.ts';
import { layouts } from './generated/layouts.ts';

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
    { ...hash('dns_counters', 4, layouts.dnsCounters.size, 1), array: true },
  ];
  return new FakeBpf({ 'dns.bpf.o': { maps, programs: ['dns_pod_ingress'] } });
}
