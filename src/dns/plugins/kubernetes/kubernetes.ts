/** Answers names of the cluster zone, and reverse names of its addresses, from the API's objects. */
import type { Ip } from '../../../net/ip.ts';
import { classInternet, recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { RecordData } from '../../message/record-data.ts';
import type { Answer, DnsPlugin, Query, Served } from '../../plugin.ts';
import { reverseIp } from '../../reverse-name.ts';
import type { ClusterNames, Lookup, ServiceTarget } from './cluster-names.ts';

/** A chain of ExternalNames that is longer is a loop, or as good as one. */
const maxAliases = 8;

export interface KubernetesPluginOptions {
  /** Canonical, e.g. cluster.local. */
  zone: string;
  names: ClusterNames;
  /** False until every store is filled: names are then unknown, not absent (SERVFAIL, not NXDOMAIN). */
  synced: () => boolean;
  /** Seconds. */
  ttl?: number;
  /** Addresses of the cluster's DNS Service, for the zone's NS record. */
  serverIps?: () => Ip[];
  /** Resolves a name outside the zone, for the target of an ExternalName. */
  resolve?: (query: Query, name: string) => Served;
}

export function kubernetesPlugin(options: KubernetesPluginOptions): DnsPlugin {
  const { zone, names, synced, ttl = 5, serverIps = () => [] } = options;

  const record = (name: string, data: RecordData): ResourceRecord => ({
    name,
    class: classInternet,
    ttl,
    data,
  });
  const addresses = (name: string, ips: readonly Ip[], type: number): ResourceRecord[] =>
    ips.filter((ip) => addressType(ip) === type).map((ip) => record(name, { type: addressType(ip), ip }));
  const soa = (): ResourceRecord =>
    record(zone, {
      type: recordTypes.SOA,
      primary: `ns.dns.${zone}`,
      mailbox: `hostmaster.${zone}`,
      serial: Math.floor(Date.now() / 1000),
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttl,
    });
  const answer = (query: Query, answers: ResourceRecord[], additionals: ResourceRecord[] = []): Message =>
    replyTo(query.message, {
      authoritative: true,
      answers,
      additionals,
      authorities: answers.length === 0 ? [soa()] : [],
    });
  const nameError = (query: Query): Message =>
    replyTo(query.message, { authoritative: true, rcode: responseCodes.NXDOMAIN, authorities: [soa()] });

  function services(query: Query, targets: readonly ServiceTarget[], service: string): Message {
    if (query.type !== recordTypes.SRV) return answer(query, []);
    const weight = Math.max(1, Math.floor(100 / targets.length));
    const nameOf = (target: ServiceTarget) =>
      `${target.host === undefined ? '' : `${target.host}.`}${service}`;
    return answer(
      query,
      targets.map((target) =>
        record(query.name, {
          type: recordTypes.SRV,
          priority: 0,
          weight,
          port: target.port,
          target: nameOf(target),
        }),
      ),
      targets.flatMap((target) =>
        target.ips.map((ip) => record(nameOf(target), { type: addressType(ip), ip })),
      ),
    );
  }

  async function external(query: Query, target: string): Promise<Answer> {
    const alias = record(query.name, { type: recordTypes.CNAME, target });
    if (query.type === recordTypes.CNAME || options.resolve === undefined) return answer(query, [alias]);
    if ((query.depth ?? 0) >= maxAliases) return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
    const resolved = await options.resolve(query, target);
    if (resolved === undefined) return undefined;
    return { ...answer(query, [alias, ...resolved.answers]), rcode: resolved.rcode };
  }

  function apex(query: Query): Message {
    const server = `ns.dns.${zone}`;
    if (query.type === recordTypes.SOA) return answer(query, [soa()]);
    if (query.type !== recordTypes.NS) return answer(query, []);
    const glue = serverIps().map((ip) => record(server, { type: addressType(ip), ip }));
    return answer(query, [record(zone, { type: recordTypes.NS, target: server })], glue);
  }

  function fromLookup(query: Query, lookup: Lookup): Served {
    switch (lookup.kind) {
      case 'absent':
        return nameError(query);
      case 'empty':
        return answer(query, []);
      case 'apex':
        return apex(query);
      case 'external':
        return external(query, lookup.target);
      case 'services':
        return services(query, lookup.targets, `${lookup.service}.${zone}`);
      case 'text':
        return answer(query, query.type === recordTypes.TXT ? [textRecord(lookup.strings)] : []);
      case 'addresses':
        if (query.type === recordTypes.SRV && lookup.ports) return services(query, lookup.ports, query.name);
        return answer(query, addresses(query.name, lookup.ips, query.type));
    }
    function textRecord(strings: string[]): ResourceRecord {
      return record(query.name, { type: recordTypes.TXT, strings: strings.map((text) => Buffer.from(text)) });
    }
  }

  function reverse(query: Query, next: () => Served): Served {
    const ip = reverseIp(query.name);
    const found = ip === undefined ? [] : names.reverse(ip);
    if (found.length === 0) return next();
    if (query.type !== recordTypes.PTR) return answer(query, []);
    return answer(
      query,
      found.map((name) => record(query.name, { type: recordTypes.PTR, target: `${name}.${zone}` })),
    );
  }

  return {
    name: 'kubernetes',
    serve: (query, next) => {
      const own = isBelow(query.name, zone);
      if (!own && !isReverseName(query.name)) return next();
      if (!synced()) return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
      if (!own) return reverse(query, next);
      const relative = query.name === zone ? '' : query.name.slice(0, -zone.length - 1);
      return fromLookup(query, names.lookup(relative));
    },
  };
}

function addressType(ip: Ip): typeof recordTypes.A | typeof recordTypes.AAAA {
  return ip.family === 4 ? recordTypes.A : recordTypes.AAAA;
}

function isReverseName(name: string): boolean {
  return isBelow(name, 'in-addr.arpa') || isBelow(name, 'ip6.arpa');
}
