/**
 * For clusters under change: SRV records (DNS specification 2.3.2, 2.4.2) and PTR records (2.3.3, 2.4.3) are what a
 * slow reading of all objects gives; zone-names.test.ts has the addresses.
 */
import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../../kube/types.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import type { Message, ResourceRecord } from '../../message/message.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { kubernetesPlugin } from './kubernetes.ts';
import { change, emptyCluster, numbers } from './testing/changing-cluster.ts';
import { lookupOver, type TestStores } from './testing/cluster.ts';

const zone = 'cluster.local';
const addresses = [4, 6].flatMap((family) =>
  Array.from({ length: 10 }, (_, i) => i).flatMap((i) =>
    family === 4 ? [`10.244.0.${i}`, `10.96.0.${i}`] : [`fd00:244::${i}`, `fd00:96::${i}`],
  ),
);

const nameOf = ({ metadata }: Service) => `${metadata.name}.${metadata.namespace}.svc.${zone}`;
const isAlias = ({ spec }: Service) => spec!.type === 'ExternalName';
const isHeadless = ({ spec }: Service) => spec!.clusterIPs?.[0] === 'None';

interface ReadyEndpoint {
  ip: string;
  /** Its hostname below the Service, whole. */
  name: string;
  slice: EndpointSlice;
}

function readyEndpoints({ slices }: TestStores): ReadyEndpoint[] {
  return slices.list().flatMap((slice) => {
    const { namespace, labels } = slice.metadata;
    const below = `${labels!['kubernetes.io/service-name']}.${namespace}.svc.${zone}`;
    return (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map(({ addresses: [ip], hostname }) => {
        const host = hostname ?? formatIp(parseIp(ip!)).replaceAll(/[.:]/g, '-');
        return { ip: formatIp(parseIp(ip!)), name: `${host}.${below}`, slice };
      });
  });
}

/** `target port`, and the addresses of all targets; undefined: there is no such name. */
function expectedSrv(stores: TestStores, service: Service): { targets: string[]; ips: string[] } | undefined {
  const name = nameOf(service);
  if (stores.namespaces.get(service.metadata.namespace!) === undefined || isAlias(service)) return undefined;
  if (!isHeadless(service)) {
    const port = service.spec!.ports!.find((one) => one.name === 'http')!.port;
    return {
      targets: [`${name} ${port}`],
      ips: unique(service.spec!.clusterIPs!.map((ip) => `${name} ${ip}`)),
    };
  }
  const own = readyEndpoints(stores).filter((endpoint) => endpoint.name.endsWith(`.${name}`));
  if (own.length === 0) return undefined;
  return {
    targets: unique(own.map((endpoint) => `${endpoint.name} ${endpoint.slice.ports![0]!.port}`)),
    ips: unique(own.map((endpoint) => `${endpoint.name} ${endpoint.ip}`)),
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

function expectedPtr(stores: TestStores, ip: string): { oneOf?: string[]; all?: string[] } {
  const services = stores.services.list().filter((service) => service.spec!.clusterIPs?.includes(ip));
  if (services.length > 0) return { oneOf: services.map(nameOf) };
  return { all: unique(readyEndpoints(stores).flatMap((one) => (one.ip === ip ? [one.name] : []))) };
}

function reverseName(ip: string): string {
  const { family, bytes } = parseIp(ip);
  const digits = family === 4 ? [...bytes].map(String) : [...Buffer.from(bytes).toString('hex')];
  return `${digits.reverse().join('.')}.${family === 4 ? 'in-addr' : 'ip6'}.arpa`;
}

const targets = (records: readonly ResourceRecord[]): string[] =>
  records.flatMap(({ data }) => ('port' in data ? [`${data.target} ${data.port}`] : 'target' in data ? [data.target] : [])); // biome-ignore format: one line

const glue = (records: readonly ResourceRecord[]): string[] =>
  unique(records.flatMap(({ name, data }) => ('ip' in data ? [`${name} ${formatIp(data.ip)}`] : [])));

test.each([1, 2, 3, 4])('a cluster under change (%i)', async (seed) => {
  const pick = numbers(seed);
  const stores = emptyCluster();
  for (let i = 0; i < 40; i++) change(stores, pick);
  const zones = [zone, 'in-addr.arpa', 'ip6.arpa'];
  const plugin = kubernetesPlugin({ lookup: lookupOver(stores, { zones }) });
  const ask = (name: string, type: 'SRV' | 'PTR'): Promise<Message> =>
    replyFrom([plugin], queryFor(name, type));
  let found = 0;

  for (let round = 0; round < 40; round++) {
    for (let i = pick(4); i >= 0; i--) change(stores, pick);
    for (const service of stores.services.list()) {
      const { rcode, answers, additionals } = await ask(`_http._tcp.${nameOf(service)}`, 'SRV');
      const expected = expectedSrv(stores, service);
      if (expected === undefined && isAlias(service)) expect(answers).toEqual([]);
      else if (expected === undefined)
        expect([nameOf(service), rcode]).toEqual([nameOf(service), responseCodes.NXDOMAIN]); // biome-ignore format: one line
      else {
        found++;
        expect(targets(answers).sort()).toEqual(expected.targets);
        expect(answers.every(({ data }) => data.type === recordTypes.SRV)).toBe(true);
        expect(glue(additionals)).toEqual(expected.ips);
      }
    }
    for (const ip of addresses) {
      const { rcode, answers } = await ask(reverseName(ip), 'PTR');
      const { oneOf, all = [] } = expectedPtr(stores, ip);
      const names = targets(answers);
      if (oneOf !== undefined) expect([names.length, oneOf.includes(names[0]!)]).toEqual([1, true]);
      else expect([ip, names.sort()]).toEqual([ip, all]);
      expect(rcode).toBe(names.length === 0 ? responseCodes.NXDOMAIN : responseCodes.NOERROR);
      found += names.length;
    }
  }
  expect(found).toBeGreaterThan(200);
});
