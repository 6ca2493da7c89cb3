/** Resource records of backends, as CoreDNS makes them of Services. */
import type { Ip } from '../../../net/ip.ts';
import { classInternet, recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';
import type { RecordData } from '../../message/record-data.ts';
import type { Backend } from './backends.ts';
import { noPort } from './cluster-service.ts';

/** Seconds of `dns-version`. */
export const versionTtl = 28_800;
export const schemaVersion = '1.1.0';

export const inZone = (relative: string, zone: string): string =>
  zone === '' ? relative : `${relative}.${zone}`;

export function record(name: string, ttl: number, data: RecordData): ResourceRecord {
  return { name, class: classInternet, ttl, data };
}

export function addressType(ip: Ip): typeof recordTypes.A | typeof recordTypes.AAAA {
  return ip.family === 4 ? recordTypes.A : recordTypes.AAAA;
}

export function addressRecord(name: string, ttl: number, ip: Ip): ResourceRecord {
  return record(name, ttl, { type: addressType(ip), ip });
}

export const aliasRecord = (name: string, ttl: number, target: string): ResourceRecord =>
  record(name, ttl, { type: recordTypes.CNAME, target });

const ipKey = ({ bytes }: Ip): string => Buffer.from(bytes).toString('latin1');

/** A or AAAA records of the addresses among the backends, each once. */
export function addressRecords(
  backends: readonly Backend[],
  { name, type, ttl }: { name: string; type: number; ttl: number },
): ResourceRecord[] {
  const ips = new Map<string, Ip>();
  for (const { ip } of backends)
    if (ip && addressType(ip) === type && !ips.has(ipKey(ip))) ips.set(ipKey(ip), ip);
  return [...ips.values()].map((ip) => addressRecord(name, ttl, ip));
}

export interface SrvOptions {
  name: string;
  zone: string;
  ttl: number;
  /** Of the addresses. */
  addressTtl?: number;
}

/** SRV records of the backends with an address, equal in weight, and the addresses of their targets. */
export function srvRecords(
  backends: readonly Backend[],
  { name, zone, ttl, addressTtl = ttl }: SrvOptions,
): { answers: ResourceRecord[]; additionals: ResourceRecord[] } {
  const weight = srvWeight(backends.length);
  const answers = new Map<string, ResourceRecord>();
  const additionals = new Map<string, ResourceRecord>();
  for (const { ip, port, target } of backends) {
    if (port === noPort || ip === undefined) continue;
    const full = inZone(target, zone);
    const srv = record(name, ttl, { type: recordTypes.SRV, priority: 0, weight, port, target: full });
    if (!answers.has(`${full} ${port}`)) answers.set(`${full} ${port}`, srv);
    const address = `${full} ${ipKey(ip)}`;
    if (!additionals.has(address)) additionals.set(address, addressRecord(full, addressTtl, ip));
  }
  return { answers: [...answers.values()], additionals: [...additionals.values()] };
}

/** Of each of so many: their share of 100, at least 1. */
export const srvWeight = (count: number): number => Math.max(1, Math.floor((100 / (100 * count)) * 100));

export interface ZoneAuthority {
  zone: string;
  /** First label(s) of the name server, and where mail goes, below the zone. */
  server: string;
  mailbox: string;
  serial: number;
  ttl: number;
  minimum: number;
}

export function soaRecord({ zone, server, mailbox, serial, ttl, minimum }: ZoneAuthority): ResourceRecord {
  return record(zone, ttl, {
    type: recordTypes.SOA,
    primary: inZone(server, zone),
    mailbox: inZone(mailbox, zone),
    serial,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum,
  });
}
