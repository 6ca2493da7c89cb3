/** `local`: names of this host itself, and what must never reach the world's servers (RFC 6303, RFC 6761). */
import { ipFromBytes } from '../../../net/ip.ts';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, onlyArgument, onlyDirective, unknownOption } from '../../corefile/options.ts';
import { classInternet, recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { RecordData } from '../../message/record-data.ts';
import type { PluginSetup, Query } from '../../plugin.ts';

const zones = ['localhost', '0.in-addr.arpa', '127.in-addr.arpa', '255.in-addr.arpa'];
/** Seconds: a week. */
const ttl = 604_800;

const record = (name: string, data: RecordData): ResourceRecord => ({
  name,
  class: classInternet,
  ttl,
  data,
});
const soa = (name: string): ResourceRecord =>
  record(name, {
    type: recordTypes.SOA,
    primary: 'localhost',
    mailbox: 'root.localhost',
    serial: 1,
    refresh: 0,
    retry: 0,
    expire: 0,
    minimum: ttl,
  });

const loopback: Readonly<Record<number, RecordData>> = {
  [recordTypes.A]: { type: recordTypes.A, ip: ipFromBytes(Uint8Array.of(127, 0, 0, 1)) },
  [recordTypes.AAAA]: { type: recordTypes.AAAA, ip: ipFromBytes(Uint8Array.of(...Array(15).fill(0), 1)) },
};

export const setup: PluginSetup = (directives, { metrics }) => {
  const directive = onlyDirective(directives);
  if (directive.args.length > 0) throw corefileError(directive.at, 'local takes no arguments');
  const prefix = (directive.block ?? []).every(prefixOption);
  const counted = metrics
    .counter({
      name: 'coredns_local_localhost_requests_total',
      help: 'Counter of special localhost subdomain requests.',
    })
    .with({});
  return {
    handler: {
      name: 'local',
      serve: (query, next) => {
        const { name } = query;
        if (name.endsWith('.localhost') || (prefix && name.startsWith('localhost.'))) {
          counted();
          return hostAnswer(query, query.message.questions[0]!.name);
        }
        const zone = zones.find((one) => isBelow(name, one));
        return zone === undefined ? next() : zoneAnswer(query, zone);
      },
    },
  };
};

/** `localhost_prefix on|off`: whether localhost.example.org is this host too. */
function prefixOption(line: Directive): boolean {
  if (line.name !== 'localhost_prefix') throw unknownOption(line, 'local');
  const value = onlyArgument(line);
  if (value !== 'on' && value !== 'off') throw corefileError(line.at, 'localhost_prefix is on or off');
  return value === 'on';
}

/** The loopback addresses, or that there is nothing else. */
function hostAnswer({ type, message }: Query, name: string): Message {
  const data = loopback[type];
  return replyTo(message, data ? { answers: [record(name, data)] } : { authorities: [soa(name)] });
}

function zoneAnswer(query: Query, zone: string): Message {
  const { message, type, name: canonical } = query;
  const { name } = message.questions[0]!;
  if (canonical === '1.0.0.127.in-addr.arpa') {
    if (type !== recordTypes.PTR) return replyTo(message, { authorities: [soa(zone)] });
    return replyTo(message, { answers: [record(name, { type: recordTypes.PTR, target: 'localhost' })] });
  }
  if (canonical !== zone)
    return replyTo(message, { rcode: responseCodes.NXDOMAIN, authorities: [soa(zone)] });
  if (type === recordTypes.SOA) return replyTo(message, { answers: [soa(name)] });
  if (type === recordTypes.NS)
    return replyTo(message, { answers: [record(name, { type: recordTypes.NS, target: 'localhost' })] });
  return zone === 'localhost' ? hostAnswer(query, name) : replyTo(message, { authorities: [soa(name)] });
}
