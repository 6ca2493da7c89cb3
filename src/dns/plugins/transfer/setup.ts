/** `transfer [ZONE...] { to ADDRESS... / source ADDRESS }`: whole zones over TCP for those named, who are told of changes. */
import { canonicalIp } from '../../../net/ip.ts';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  onlyArgument,
  unknownOption,
  zonesOf,
} from '../../corefile/options.ts';
import { isTransfer, recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type {
  PluginContext,
  PluginInstance,
  PluginSetup,
  Query,
  Served,
  TransferredZone,
} from '../../plugin.ts';
import { tryAddress } from '../../server/http-endpoints.ts';
import { notify } from './notify.ts';

/** What plugins use that have zones of their own. */
export interface TransferInstance extends PluginInstance {
  /** Tells the secondaries of a zone, by its canonical name, that it has changed. */
  notify(zone: string): void;
}

interface Secondary {
  address: string;
  port: number;
}

interface Rule {
  zones: readonly string[];
  /** To whoever asks. */
  anybody: boolean;
  to: Secondary[];
  /** Notices come from there. */
  source?: string;
}

export const setup: PluginSetup = (directives, context): TransferInstance => {
  const rules = directives.map((directive) => ruleOf(directive, context));
  const { logger } = context;
  const ending = new AbortController();
  function told(query: Query, records: readonly ResourceRecord[]): Message {
    logger.info('a zone is transferred', {
      zone: query.name,
      to: query.client.address,
      records: records.length,
    });
    // The SOA record alone comes without AA, as CoreDNS has it. The list is shared by all who are sent it.
    return replyTo(query.message, {
      authoritative: records.length > 1,
      answers: records as ResourceRecord[],
    });
  }
  return {
    handler: {
      name: 'transfer',
      serve: (query, next): Served => {
        if (!isTransfer(query.type)) return next();
        const refused = replyTo(query.message, { rcode: responseCodes.REFUSED });
        if (query.transport === 'udp') return refused;
        const rule = ruleFor(rules, query.name);
        if (rule === undefined) return next();
        if (!allows(rule, query)) return refused;
        const serial = serialOf(query);
        if (serial === undefined) return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
        const zone = recordsOf(query.name, serial, context);
        if (zone === undefined) return next();
        return zone instanceof Promise ? zone.then((records) => told(query, records)) : told(query, zone);
      },
    },
    notify: (zone) => {
      const { to = [], source } = ruleFor(rules, zone) ?? {};
      for (const secondary of to)
        notify(zone, secondary, { source, signal: ending.signal }).catch((error: unknown) => {
          if (!ending.signal.aborted)
            logger.warn('a secondary takes no notice', { zone, ...secondary, error });
        });
    },
    close: () => ending.abort(),
  };
};

/** The first plugin that has the zone gives its records. */
function recordsOf(
  zone: string,
  serial: number,
  { instances, sibling }: PluginContext,
): TransferredZone | undefined {
  for (const { name, instance } of instances()) {
    const records = sibling(name) === instance ? instance.transfer?.(zone, serial) : undefined;
    if (records !== undefined) return records;
  }
  return undefined;
}

/** The rule with the longest zone that holds the name. */
function ruleFor(rules: readonly Rule[], name: string): Rule | undefined {
  const found = rules.flatMap((rule) =>
    rule.zones.filter((zone) => isBelow(name, zone)).map((zone) => ({ rule, zone })),
  );
  return found.sort((a, b) => b.zone.length - a.zone.length)[0]?.rule;
}

function allows({ anybody, to }: Rule, { client }: Query): boolean {
  const asking = canonicalIp(client.address.split('%')[0]!);
  return anybody || to.some(({ address }) => address === asking);
}

/** Which version an IXFR query says that it has; 0 for AXFR. Undefined where it does not say so. */
function serialOf({ type, message }: Query): number | undefined {
  if (type === recordTypes.AXFR) return 0;
  const [only, ...others] = message.authorities;
  return others.length === 0 && only !== undefined && 'serial' in only.data ? only.data.serial : undefined;
}

function ruleOf(directive: Directive, context: PluginContext): Rule {
  const rule: Rule = { zones: zonesOf(directive.args, context, directive.at), anybody: false, to: [] };
  for (const line of directive.block ?? []) {
    if (line.name === 'to') readTo(line, rule);
    else if (line.name === 'source') readSource(line, rule);
    else throw unknownOption(line, 'transfer');
  }
  if (!rule.anybody && rule.to.length === 0)
    throw corefileError(directive.at, 'transfer says not to whom', 'Add a line: to ADDRESS, or to *.');
  return rule;
}

function readTo(line: Directive, rule: Rule): void {
  countArguments(line, 1, Number.POSITIVE_INFINITY);
  for (const text of line.args) {
    if (text === '*') rule.anybody = true;
    else rule.to.push(secondaryOf(text) ?? wrongAddress(line, text));
  }
}

function readSource(line: Directive, rule: Rule): void {
  const text = onlyArgument(line);
  if (rule.source !== undefined) throw corefileError(line.at, 'source stands twice');
  rule.source = canonicalIp(text) ?? wrongAddress(line, text);
}

function wrongAddress({ at }: Directive, text: string): never {
  throw corefileError(at, `"${text}" is no IP address`);
}

/** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:5353`. */
function secondaryOf(text: string): Secondary | undefined {
  const alone = canonicalIp(text);
  if (alone !== undefined) return { address: alone, port: 53 };
  const parts = tryAddress(text);
  const address = canonicalIp(parts?.host ?? '');
  return parts === undefined || address === undefined ? undefined : { address, port: parts.port };
}
