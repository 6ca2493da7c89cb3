/**
 * The outside host's DNS: node names lead to the nodes, reverse lookups back, and every other name to an address
 * that the outside host answers for, always the same for the same name. A stand-in for the world's DNS.
 */
import { createHash } from 'node:crypto';
import { recordTypes } from '../../dns/message/constants.ts';
import { type ResourceRecord, replyTo } from '../../dns/message/message.ts';
import type { DnsPlugin } from '../../dns/plugin.ts';
import { cidrSize, nthIp, parseCidr } from '../../net/cidr.ts';
import { type Family, type Ip, parseIp } from '../../net/ip.ts';
import type { LabConfig } from '../topology/lab-config.ts';
import { externalCidrs } from '../topology/lab-options.ts';

const ttlSeconds = 60;
const classInternet = 1;

/** Zones that never exist in the world's DNS (RFC 6761, RFC 6762, RFC 9476 and the cluster's own). */
const nowhere = ['local', 'internal', 'invalid', 'test', 'localhost', 'arpa'];

export function outsideNamesPlugin(config: LabConfig): DnsPlugin {
  const families = config.fabricCidrs.map((text) => parseCidr(text).ip.family);
  const hosts = new Map(config.nodes.map(({ name, ips }) => [name, ips.map(parseIp)]));
  hosts.set('outside', config.outsideIps.map(parseIp));
  return {
    name: 'outside',
    serve: ({ message, name, type }, next) => {
      const bare = name.replace(/\.$/, '');
      // With a way to the internet the real world answers for itself.
      if (config.internet && !hosts.has(bare) && !isNowhere(bare)) return next();
      const ips =
        hosts.get(bare) ??
        (isNowhere(bare) ? undefined : families.map((family) => externalAddress(bare, family)));
      if (ips === undefined)
        return replyTo(message, { rcode: 3, authoritative: true, recursionAvailable: true });
      return replyTo(message, {
        authoritative: true,
        recursionAvailable: true,
        answers: ips
          .filter(({ family }) => recordType(family) === type)
          .map((ip) => addressRecord(message.questions[0]!.name, ip)),
      });
    },
  };
}

function isNowhere(name: string): boolean {
  // A single label is no public name: a resolver's search list must be able to go on.
  return name === '' || !name.includes('.') || nowhere.includes(name.slice(name.lastIndexOf('.') + 1));
}

/** An address of the outside host's own block, by the name's hash; never the block's first or last. */
export function externalAddress(name: string, family: Family): Ip {
  const cidr = parseCidr(externalCidrs[family]);
  const usable = cidrSize(cidr) - 2n;
  const hash = BigInt(`0x${createHash('sha1').update(name.toLowerCase()).digest('hex')}`);
  return nthIp(cidr, 1n + (hash % usable));
}

function recordType(family: Family): number {
  return family === 4 ? recordTypes.A : recordTypes.AAAA;
}

function addressRecord(name: string, ip: Ip): ResourceRecord {
  return {
    name,
    class: classInternet,
    ttl: ttlSeconds,
    data: { type: recordType(ip.family) as typeof recordTypes.A, ip },
  };
}
