/** Answers names of the cluster's zones, and reverse names of its addresses, as CoreDNS does. */
import { canonicalIp, formatIp, type Ip } from '../../../net/ip.ts';
import { isTransfer, recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { DnsPlugin, PluginContext, Query, Served, TransferredZone } from '../../plugin.ts';
import { isReverseName, reverseIp } from '../../reverse-name.ts';
import { followAliases } from './aliases.ts';
import { clusterNameServers, ownServerName } from './name-servers.ts';
import { addressRecord, aliasRecord, inZone, record, soaRecord } from './records.ts';
import { SharedZones } from './shared-zones.ts';
import type { NameRecords, Section, ZoneLookup } from './zone-lookup.ts';
import { serviceRecords } from './zone-transfer.ts';

/** A chain of names through other servers that is longer is a loop, or as good as one. */
const maxDepth = 8;
const longestSoaTtl = 300;
/** To list a zone while it changes in the second of its serial number: three lists of a large one take about as long. */
const mostAttempts = 3;

export interface KubernetesPluginOptions {
  lookup: ZoneLookup;
  /** Asks the server itself for the target of an ExternalName outside the zone. */
  resolve?: PluginContext['resolve'];
}

export interface KubernetesPlugin extends DnsPlugin {
  /** As PluginInstance has it. */
  transfer(zone: string, serial: number): TransferredZone | undefined;
}

export function kubernetesPlugin({ lookup, resolve }: KubernetesPluginOptions): KubernetesPlugin {
  const { index, options } = lookup;
  const zones = new SharedZones();
  const soas = new Map<string, { serial: number; record: ResourceRecord }>();

  function soa(zone: string): ResourceRecord {
    const serial = lookup.isMulticluster(zone) ? index.serials.multicluster : index.serials.internal;
    const kept = soas.get(zone);
    if (kept?.serial === serial) return kept.record;
    const { ttl } = options;
    const made = soaRecord({
      zone,
      server: ownServerName,
      mailbox: 'hostmaster',
      serial,
      ttl: Math.min(ttl, longestSoaTtl),
      minimum: ttl,
    });
    soas.set(zone, { serial, record: made });
    return made;
  }

  /** NODATA where there are no answers. */
  function answer(query: Query, zone: string, { answers, additionals }: Section): Message {
    const authorities = answers.length === 0 ? [soa(zone)] : [];
    return replyTo(query.message, { authoritative: true, answers, additionals, authorities });
  }

  /** The name is unknown, which is not to say that it does not exist before all has been read. */
  function unknown(query: Query, zone: string, next: () => Served): Served {
    if (options.fallthrough.some((one) => isBelow(query.name, one))) return next();
    const rcode = index.synced ? responseCodes.NXDOMAIN : responseCodes.SERVFAIL;
    return replyTo(query.message, { authoritative: true, rcode, authorities: [soa(zone)] });
  }

  async function aliased(query: Query, found: NameRecords): Promise<Message> {
    const depth = query.depth ?? 0;
    if (depth >= maxDepth) return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
    const { records, truncated } = await followAliases(found, {
      lookup,
      query,
      resolve: (name) => resolve?.({ ...query, depth: depth + 1 }, { name, type: query.type }),
    });
    return { ...answer(query, found.zone, { answers: records, additionals: [] }), truncated };
  }

  function alias(query: Query, { name, zone, backends }: NameRecords): Message {
    const target = backends[0]?.alias;
    const answers = target === undefined ? [] : [aliasRecord(name, options.ttl, target)];
    return answer(query, zone, { answers, additionals: [] });
  }

  function fromRecords(query: Query, found: NameRecords): Served {
    const { type } = query;
    if (type === recordTypes.CNAME) return alias(query, found);
    if (found.aliased && (type === recordTypes.A || type === recordTypes.AAAA)) return aliased(query, found);
    return answer(query, found.zone, found.of(type));
  }

  function nameServers(zone: string): Section {
    const servers = clusterNameServers(index, options.serverIps()).map(({ name, ip }) => ({
      name: inZone(name, zone),
      ip,
    }));
    const names = [...new Set(servers.map(({ name }) => name))];
    return {
      answers: names.map((target) => record(zone, options.ttl, { type: recordTypes.NS, target })),
      additionals: servers.map(({ name, ip }) => addressRecord(name, options.ttl, ip)),
    };
  }

  function transfer(zone: string, serial: number): TransferredZone | undefined {
    if (lookup.zoneOf(zone) !== zone || isReverseName(zone) || !index.synced) return undefined;
    const first = soa(zone);
    if (serial !== 0 && 'serial' in first.data && first.data.serial === serial) return [first];
    return zones.get(zone, index.serials.changes, () => wholeZone(zone, first));
  }

  /** Made again where something changes meanwhile of which the serial number, that of a second, tells nobody. */
  async function wholeZone(zone: string, first: ResourceRecord): Promise<readonly ResourceRecord[]> {
    for (let attempt = 1; ; attempt++) {
      const { changes } = index.serials;
      const { answers, additionals } = nameServers(zone);
      const records = [first, ...answers, ...additionals, ...(await serviceRecords(lookup, zone)), first];
      const isTold = index.serials.changes === changes || soa(zone) !== first;
      if (isTold || attempt === mostAttempts) return records;
    }
  }

  function apex(query: Query, zone: string): Message | undefined {
    if (query.type === recordTypes.SOA) return answer(query, zone, { answers: [soa(zone)], additionals: [] });
    return query.type === recordTypes.NS ? answer(query, zone, nameServers(zone)) : undefined;
  }

  function reverse(query: Query, zone: string, next: () => Served): Served {
    const ip = reverseIp(query.name);
    const targets = ip === undefined ? [] : reverseNames(lookup, ip);
    if (targets.length === 0) return unknown(query, zone, next);
    const answers = targets.map((target) =>
      record(query.name, options.ttl, { type: recordTypes.PTR, target }),
    );
    return answer(query, zone, { answers: query.type === recordTypes.PTR ? answers : [], additionals: [] });
  }

  return {
    name: 'kubernetes',
    transfer,
    serve: (query, next) => {
      if (isTransfer(query.type) && lookup.zoneOf(query.name) !== undefined)
        return replyTo(query.message, { rcode: responseCodes.REFUSED });
      const kept = lookup.kept(query.name);
      if (kept !== undefined) return fromRecords(query, kept);
      const zone = lookup.zoneOf(query.name);
      if (zone === undefined) return next();
      if (query.name === zone) {
        const own = apex(query, zone);
        if (own !== undefined) return own;
      }
      const found = lookup.find(query.name, zone);
      if (found !== undefined) return fromRecords(query, found);
      return isReverseName(query.name) ? reverse(query, zone, next) : unknown(query, zone, next);
    },
  };
}

/** Names that an address is known by: the Service with that ClusterIP, or else its endpoints. */
function reverseNames(lookup: ZoneLookup, ip: Ip): string[] {
  const { index, options, primaryZone } = lookup;
  const text = formatIp(ip);
  const shown = (namespace: string) => options.namespaces.size === 0 || lookup.exposes(namespace);
  const service = index.servicesAt(text).find(({ namespace }) => shown(namespace));
  if (service !== undefined) return [inZone(`${service.name}.${service.namespace}.svc`, primaryZone)];
  const names = index.slicesAt(text).flatMap(({ key, set }) => {
    const [namespace, name] = key.split('/') as [string, string];
    if (!shown(namespace)) return [];
    return set.endpoints
      .filter(({ address }) => canonicalIp(address) === text)
      .map(({ host }) => inZone(`${host}.${name}.${namespace}.svc`, primaryZone));
  });
  return [...new Set(names)];
}
