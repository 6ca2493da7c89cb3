/** Answers names of a zone that shows Services to the world: their external addresses, as CoreDNS does. */
import { formatIp } from '../../../net/ip.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { DnsPlugin, PluginContext, Query, Served } from '../../plugin.ts';
import { reverseIp } from '../../reverse-name.ts';
import type { Backend } from '../kubernetes/backends.ts';
import { noPort } from '../kubernetes/cluster-service.ts';
import { externalBackends, externalReverse } from '../kubernetes/external-names.ts';
import { externalNameServers } from '../kubernetes/name-servers.ts';
import {
  addressRecord,
  addressRecords,
  aliasRecord,
  inZone,
  record,
  soaRecord,
  srvRecords,
  srvWeight,
} from '../kubernetes/records.ts';
import { relativeTo, type Section, type ZoneLookup } from '../kubernetes/zone-lookup.ts';
import type { ExternalOptions } from './setup.ts';

export interface ExternalPluginOptions {
  options: ExternalOptions;
  lookup(): ZoneLookup;
  /** Asks the server itself for host names of load balancers. */
  resolve?: PluginContext['resolve'];
}

interface Place {
  query: Query;
  zone: string;
}

export function externalPlugin({ options, lookup, resolve }: ExternalPluginOptions): DnsPlugin {
  const { apex, ttl, headless } = options;
  const zones = [...options.zones].sort((a, b) => b.length - a.length);

  const soa = (zone: string): ResourceRecord =>
    soaRecord({
      zone,
      server: `ns1.${apex}`,
      mailbox: `hostmaster.${apex}`,
      serial: lookup().index.serials.external,
      ttl,
      minimum: ttl,
    });

  function answer({ query, zone }: Place, { answers, additionals }: Section): Message {
    const authorities = answers.length === 0 ? [soa(zone)] : [];
    return replyTo(query.message, { authoritative: true, answers, additionals, authorities });
  }

  const noData = (place: Place): Message => answer(place, { answers: [], additionals: [] });

  const nameError = ({ query, zone }: Place): Message =>
    replyTo(query.message, {
      authoritative: true,
      rcode: responseCodes.NXDOMAIN,
      authorities: [soa(zone)],
    });

  const serverAddresses = (name: string): ResourceRecord[] => {
    const cluster = lookup();
    return externalNameServers(cluster.index, cluster.options.serverIps(), { headless }).map(({ ip }) =>
      addressRecord(name, ttl, ip),
    );
  };

  function atApex(place: Place): Message {
    const { query, zone } = place;
    const server = inZone(`ns1.${apex}`, zone);
    if (query.type === recordTypes.SOA) return answer(place, { answers: [soa(zone)], additionals: [] });
    if (query.type !== recordTypes.NS) return noData(place);
    const answers = [record(zone, ttl, { type: recordTypes.NS, target: server })];
    return answer(place, { answers, additionals: serverAddresses(server) });
  }

  /** The name servers' names, `ns1` below the apex label. */
  function belowApex(place: Place): Message {
    const { query, zone } = place;
    if (query.name === inZone(apex, zone)) return noData(place);
    if (query.name !== inZone(`ns1.${apex}`, zone)) return nameError(place);
    const answers = serverAddresses(query.name).filter(({ data }) => data.type === query.type);
    return answer(place, { answers, additionals: [] });
  }

  async function addresses({ query }: Place, backends: readonly Backend[]): Promise<ResourceRecord[]> {
    const { name, type } = query;
    const records = addressRecords(backends, { name, type, ttl });
    for (const alias of aliasesOf(backends)) {
      records.push(aliasRecord(name, lookup().options.ttl, alias));
      records.push(...(await resolved(query, alias, type)));
    }
    return records;
  }

  async function services(place: Place, backends: readonly Backend[]): Promise<Section> {
    const { query, zone } = place;
    const { name } = query;
    const ownTtl = lookup().options.ttl;
    const section = srvRecords(backends, { name, zone, ttl: ownTtl, addressTtl: ttl });
    const weight = srvWeight(backends.length);
    const known = new Set<string>();
    for (const { alias, port } of backends) {
      if (alias === undefined || port === noPort || known.has(`${alias} ${port}`)) continue;
      known.add(`${alias} ${port}`);
      const data = { type: recordTypes.SRV, priority: 0, weight, port, target: alias };
      section.answers.push(record(name, ownTtl, data));
    }
    for (const alias of aliasesOf(backends))
      for (const type of [recordTypes.A, recordTypes.AAAA])
        section.additionals.push(...(await resolved(query, alias, type)));
    return section;
  }

  async function resolved(query: Query, name: string, type: number): Promise<ResourceRecord[]> {
    const depth = (query.depth ?? 0) + 1;
    const reply = depth > maxDepth ? undefined : await resolve?.({ ...query, depth }, { name, type });
    return reply?.answers ?? [];
  }

  function fromBackends(place: Place, backends: readonly Backend[]): Served {
    const { name, type } = place.query;
    const isAddress = type === recordTypes.A || type === recordTypes.AAAA;
    if (!isAddress && type !== recordTypes.SRV) return noData(place);
    const plain = backends.every(({ alias }) => alias === undefined);
    if (isAddress && plain)
      return answer(place, { answers: addressRecords(backends, { name, type, ttl }), additionals: [] });
    if (isAddress)
      return addresses(place, backends).then((answers) => answer(place, { answers, additionals: [] }));
    return services(place, backends).then((section) => answer(place, section));
  }

  function byAddress(place: Place, text: string): Message | undefined {
    const { name } = place.query;
    const targets = [...new Set(externalReverse(lookup(), text, options.zones[0]!))];
    if (targets.length === 0) return undefined;
    const answers = targets.map((target) => record(name, ttl, { type: recordTypes.PTR, target }));
    return answer(place, { answers, additionals: [] });
  }

  function serveIn(place: Place, next: () => Served): Served {
    const { query, zone } = place;
    const unknown = () =>
      options.fallthrough.some((one) => isBelow(query.name, one)) ? next() : nameError(place);
    const ip = query.type === recordTypes.PTR ? reverseIp(query.name) : undefined;
    if (ip !== undefined) return byAddress(place, formatIp(ip)) ?? unknown();
    const backends = externalBackends(lookup(), relativeTo(query.name, zone), { headless });
    return backends === undefined ? unknown() : fromBackends(place, backends);
  }

  return {
    name: 'k8s_external',
    serve: (query, next) => {
      const zone = zones.find((one) => isBelow(query.name, one));
      if (zone === undefined) return next();
      const place = { query, zone };
      if (query.name === zone) return atApex(place);
      if (isBelow(query.name, inZone(apex, zone))) return belowApex(place);
      return serveIn(place, next);
    },
  };
}

const maxDepth = 8;

function aliasesOf(backends: readonly Backend[]): Set<string> {
  return new Set(backends.flatMap(({ alias }) => (alias === undefined ? [] : [alias])));
}
