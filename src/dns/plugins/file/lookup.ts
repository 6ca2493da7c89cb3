/** What a zone says to a question (RFC 1034 section 4.3.2, RFC 4592, RFC 6672), as CoreDNS's file plugin says it. */
import { recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { canonicalName, isBelow } from '../../message/name.ts';
import type { Answer } from '../../plugin.ts';
import { parentOf } from '../../server-blocks/router.ts';
import { dnameTarget, type Zone } from './zone.ts';
import { dname, nsec } from './zone-file.ts';

export type Outcome = 'success' | 'name error' | 'delegation' | 'no data' | 'server failure';

export interface Found {
  outcome: Outcome;
  answers: readonly ResourceRecord[];
  authorities: readonly ResourceRecord[];
  additionals: readonly ResourceRecord[];
}

export interface Question {
  name: string;
  type: number;
  /** With signatures and denials. */
  signed: boolean;
}

/** Asks for a name outside the zone. */
export type Elsewhere = (name: string) => Answer | Promise<Answer>;

/** An alias of an alias … is followed so far. */
const maxAliases = 8;
const { A, AAAA, CNAME, DS, MX, NS, SOA, SRV } = recordTypes;

export function lookup(zone: Zone, question: Question, elsewhere: Elsewhere): Found | Promise<Found> {
  const { name, type, signed } = question;
  if (zone.soa === undefined) return found('server failure');
  const nameservers = () => zone.at(zone.origin, NS, signed);
  if (name === zone.origin && type === SOA)
    return found('success', zone.at(name, SOA, signed), nameservers());
  if (name === zone.origin && type === NS)
    return found('success', nameservers(), [], glue(zone, nameservers(), signed));
  const way = downTo(zone, question);
  if (way.alias !== undefined) return throughSubtree(zone, question, { alias: way.alias, elsewhere });
  if (way.delegation !== undefined) return way.delegation;
  if (zone.has(name)) return fromName(zone, question, { owner: name, elsewhere });
  if (way.wildcard !== undefined) {
    if (!zone.has(way.wildcard)) return found('no data', [], soaOf(zone, signed));
    return fromName(zone, question, { owner: way.wildcard, elsewhere });
  }
  const outcome = zone.hasBelow(name) ? 'success' : 'name error';
  return found(outcome, [], [...soaOf(zone, signed), ...denials(zone, question, outcome)]);
}

function found(
  outcome: Outcome,
  answers: readonly ResourceRecord[] = [],
  authorities: readonly ResourceRecord[] = [],
  additionals: readonly ResourceRecord[] = [],
): Found {
  return { outcome, answers, authorities, additionals };
}

const soaOf = (zone: Zone, signed: boolean) => zone.at(zone.origin, SOA, signed);

/** NSEC records that the name is not there, and that no wildcard stands for it. */
function denials(zone: Zone, { name, signed }: Question, outcome: Outcome): readonly ResourceRecord[] {
  if (!signed) return [];
  const own = zone.denial(name);
  if (outcome !== 'name error') return own;
  let encloser: string | undefined = name;
  while (encloser !== undefined && encloser !== zone.origin && !zone.has(encloser))
    encloser = parentOf(encloser);
  const wildcard = zone.denial(`*.${encloser ?? zone.origin}`);
  return wildcard[0]?.name === own[0]?.name ? own : [...own, ...wildcard];
}

interface Way {
  /** A DNAME above the name. */
  alias?: ResourceRecord;
  delegation?: Found;
  /** The wildcard that stands for the name, or an empty non-terminal of that name. */
  wildcard?: string;
}

/** Goes from the zone's own name down to the one asked for. */
function downTo(zone: Zone, question: Question): Way {
  const { name } = question;
  let wildcard: string | undefined;
  for (const part of partsOf(name, zone.origin)) {
    if (!zone.has(part)) {
      const star = `*.${parentOf(part)}`;
      if (zone.has(star) || zone.hasBelow(star)) wildcard = star;
      continue;
    }
    const [alias] = zone.at(part, dname);
    if (alias !== undefined && part !== name) return { alias };
    const delegation = part === zone.origin ? undefined : delegationAt(zone, part, question);
    if (delegation !== undefined) return { delegation };
  }
  return { wildcard: wildcard !== undefined && !closerName(zone, name, wildcard) ? wildcard : undefined };
}

/** The zone's name, and each one label longer, up to the whole. */
function partsOf(name: string, origin: string): string[] {
  const parts: string[] = [];
  for (
    let part: string | undefined = name;
    part !== undefined && isBelow(part, origin);
    part = parentOf(part)
  )
    parts.unshift(part);
  return parts;
}

/** An empty non-terminal between the name and the wildcard's parent takes the wildcard away (RFC 4592 section 2.2.2). */
function closerName(zone: Zone, name: string, wildcard: string): boolean {
  const parent = wildcard.slice(2);
  for (let up = parentOf(name); up !== undefined && up !== parent && isBelow(up, parent); up = parentOf(up))
    if (zone.hasBelow(up)) return true;
  return false;
}

function delegationAt(zone: Zone, owner: string, { name, type, signed }: Question): Found | undefined {
  const servers = zone.at(owner, NS);
  if (servers.length === 0 || (type === DS && owner === name)) return undefined;
  const signers = signed ? zone.at(owner, DS, true) : [];
  return found('delegation', [], [...servers, ...signers], glue(zone, servers, signed));
}

/** Addresses in the zone of what name servers' records name. */
function glue(zone: Zone, servers: readonly ResourceRecord[], signed: boolean): ResourceRecord[] {
  return servers.flatMap(({ data }) => {
    if (data.type !== NS || !('target' in data)) return [];
    const target = canonicalName(data.target);
    return isBelow(target, zone.origin) ? [A, AAAA].flatMap((type) => zone.at(target, type, signed)) : [];
  });
}

/** Addresses of the hosts that SRV and MX records name. */
function additional(zone: Zone, answers: readonly ResourceRecord[], signed: boolean): ResourceRecord[] {
  const hosts = answers.flatMap(({ data }) =>
    (data.type === SRV || data.type === MX) && 'target' in data ? [canonicalName(data.target)] : [],
  );
  return [...new Set(hosts)].flatMap((host) => [A, AAAA].flatMap((type) => zone.at(host, type, signed)));
}

interface Owner {
  /** The name that has the records: the one asked for, or a wildcard. */
  owner: string;
  elsewhere: Elsewhere;
}

function fromName(zone: Zone, question: Question, { owner, elsewhere }: Owner): Found | Promise<Found> {
  const { name, type, signed } = question;
  const wildcard = owner !== name;
  const own = (records: readonly ResourceRecord[]) =>
    wildcard ? records.map((record) => ({ ...record, name })) : records;
  const alias = type === CNAME ? [] : own(zone.at(owner, CNAME, signed));
  if (alias.length > 0) return followed(zone, question, { answers: alias, elsewhere });
  const answers = own(zone.at(owner, type, signed));
  if (answers.length === 0) {
    const denial = signed ? zone.at(owner, nsec, true) : [];
    return found('no data', [], [...soaOf(zone, signed), ...denial]);
  }
  const denial = wildcard && signed ? zone.denial(name) : [];
  const authorities = [...zone.at(zone.origin, NS, signed), ...denial];
  return found('success', answers, authorities, additional(zone, answers, signed));
}

/** Follows the last alias of the answers: inside the zone, or by asking elsewhere. */
function followed(
  zone: Zone,
  { type, signed }: Question,
  { answers: first, elsewhere }: { answers: readonly ResourceRecord[]; elsewhere: Elsewhere },
): Found | Promise<Found> {
  const answers = [...first];
  let target = targetOf(first);
  for (let aliases = 0; aliases <= maxAliases; aliases++) {
    const delegation = partsOf(target, zone.origin)
      .filter((part) => part !== zone.origin && zone.has(part))
      .map((part) => delegationAt(zone, part, { name: target, type, signed }))
      .find((one) => one !== undefined);
    if (delegation !== undefined) return { ...delegation, answers };
    if (!zone.has(target)) return fromElsewhere(zone, { answers, signed, asked: elsewhere(target) });
    const next = type === CNAME ? [] : zone.at(target, CNAME, signed);
    if (next.length === 0) {
      answers.push(...zone.at(target, type, signed));
      break;
    }
    answers.push(...next);
    target = targetOf(next);
  }
  return found('success', answers, zone.at(zone.origin, NS, signed), additional(zone, answers, signed));
}

function targetOf(records: readonly ResourceRecord[]): string {
  const [{ data } = { data: undefined }] = records;
  return data !== undefined && 'target' in data ? canonicalName(data.target) : '';
}

async function fromElsewhere(
  zone: Zone,
  {
    answers,
    signed,
    asked,
  }: { answers: readonly ResourceRecord[]; signed: boolean; asked: Answer | Promise<Answer> },
): Promise<Found> {
  const reply = await Promise.resolve(asked).catch(() => null);
  const all = [...answers, ...(reply?.answers ?? [])];
  const outcome = outcomeOf(reply);
  const denied = outcome === 'name error' || outcome === 'no data';
  const authorities = denied ? soaOf(zone, signed) : zone.at(zone.origin, NS, signed);
  return found(outcome, all, authorities, additional(zone, all, signed));
}

function outcomeOf(reply: Answer | null): Outcome {
  if (reply === null || reply?.rcode === 2) return 'server failure';
  if (reply?.rcode === 3) return 'name error';
  return reply?.rcode === 0 && reply.answers.length === 0 ? 'no data' : 'success';
}

/** An alias of a whole subtree becomes one of the name that is asked for. */
function throughSubtree(
  zone: Zone,
  question: Question,
  { alias, elsewhere }: { alias: ResourceRecord; elsewhere: Elsewhere },
): Found | Promise<Found> {
  const { name, type, signed } = question;
  const to = dnameTarget(alias);
  const prefix = name.slice(0, name.length - alias.name.length - 1);
  const target = to === '' ? prefix : `${prefix}.${to}`;
  if (target === name) return found('server failure');
  const synthesised = { ...alias, name, data: { type: CNAME, target } } as ResourceRecord;
  const subtree = zone.at(alias.name, dname, signed);
  const add = (one: Found): Found => ({ ...one, answers: [...subtree, ...one.answers] });
  if (type === CNAME) return add(found('success', [synthesised], zone.at(zone.origin, NS, signed)));
  const rest = followed(zone, question, { answers: [synthesised], elsewhere });
  return rest instanceof Promise ? rest.then(add) : add(rest);
}
