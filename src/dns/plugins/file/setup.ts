/** `file FILE [ZONES...] { reload, reload_by_mtime, fallthrough }`: zones of zone files. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  fallthroughZones,
  onlyArgument,
  unknownOption,
  zonesOf,
} from '../../corefile/options.ts';
import { isTransfer, responseCodes } from '../../message/constants.ts';
import { type Message, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { PluginContext, PluginSetup, Query, Served } from '../../plugin.ts';
import type { TransferInstance } from '../transfer/setup.ts';
import { type Found, lookup } from './lookup.ts';
import { createZone, type Zone } from './zone.ts';
import { parseZoneFile } from './zone-file.ts';

const defaultReloadMs = 60_000;

interface ServedZone {
  origin: string;
  /** Undefined until the file can be read. */
  zone: Zone | undefined;
}

type Notify = TransferInstance['notify'];

interface ServedFile {
  zones: ServedZone[];
  /** `notify` is told of each zone that has changed, and of all at the start. */
  start(notify: Notify | undefined): void;
  close(): void;
}

export const setup: PluginSetup = (directives, context) => {
  const fallthrough: string[] = [];
  const files = directives.map((directive) => fileOf(directive, context, fallthrough));
  const zones = files.flatMap((file) => file.zones).sort((a, b) => b.origin.length - a.origin.length);
  return {
    start: () => {
      const { notify } = (context.sibling('transfer') ?? {}) as Partial<TransferInstance>;
      for (const file of files) file.start(notify);
    },
    transfer: (zone, serial) => {
      const { zone: found } = zones.find(({ origin }) => origin === zone) ?? {};
      if (found?.soa === undefined) return undefined;
      return serial !== 0 && serial === serialOf(found) ? [found.soa] : found.records();
    },
    close: () => {
      for (const file of files) file.close();
    },
    handler: {
      name: 'file',
      serve: (query, next): Served => {
        const served = zones.find(({ origin }) => isBelow(query.name, origin));
        if (served === undefined) return next();
        if (isTransfer(query.type)) return replyTo(query.message, { rcode: responseCodes.REFUSED });
        if (served.zone === undefined) return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
        const signed = query.message.edns?.dnssecOk ?? false;
        const result = lookup(served.zone, { name: query.name, type: query.type, signed }, (name) =>
          context.resolve(query, { name, type: query.type }),
        );
        const passes = fallthrough.some((zone) => isBelow(query.name, zone));
        const answer = (found: Found): Served =>
          passes &&
          found.answers.length === 0 &&
          (found.outcome === 'name error' || found.outcome === 'success')
            ? next()
            : replyOf(query, found);
        return result instanceof Promise ? result.then(answer) : answer(result);
      },
    },
  };
};

function replyOf({ message }: Query, { outcome, answers, authorities, additionals }: Found): Message {
  const { NOERROR, NXDOMAIN, SERVFAIL } = responseCodes;
  if (outcome === 'server failure' && answers.length === 0) return replyTo(message, { rcode: SERVFAIL });
  return replyTo(message, {
    authoritative: outcome !== 'delegation' || answers.length > 0,
    rcode: outcome === 'name error' ? NXDOMAIN : outcome === 'server failure' ? SERVFAIL : NOERROR,
    answers: [...answers],
    authorities: [...authorities],
    additionals: [...additionals],
  });
}

function fileOf(directive: Directive, context: PluginContext, fallthrough: string[]): ServedFile {
  countArguments(directive, 1, Number.POSITIVE_INFINITY);
  const { clock, logger } = context;
  const [name, ...origins] = directive.args as [string, ...string[]];
  const path = resolve(context.directory, name);
  const zones = zonesOf(origins, context, directive.at).map(
    (origin): ServedZone => ({ origin, zone: undefined }),
  );
  const { reloadMs, byTime } = optionsOf(directive, fallthrough);
  let readAt: number | undefined;
  let cancel = () => {};
  let notify: Notify = () => {};

  /** A zone whose serial number is the same is the same zone, unless the file's time tells. */
  function read(): void {
    const { mtimeMs } = statSync(path);
    if (byTime && mtimeMs === readAt) return;
    const text = readFileSync(path, 'utf8');
    for (const served of zones) {
      const zone = createZone(served.origin, parseZoneFile(text, { file: path, origin: served.origin }));
      if (zone.soa === undefined)
        throw corefileError({ file: path, line: 1 }, `there is no SOA record of ${served.origin}.`);
      if (served.zone !== undefined && !byTime && serialOf(zone) === serialOf(served.zone)) continue;
      served.zone = zone;
      notify(served.origin);
    }
    readAt = mtimeMs;
  }
  function again(): void {
    try {
      read();
    } catch (error) {
      logger.warn('the zone file cannot be read: the zone stays as it is', { file: path, error });
    }
    later();
  }
  function later(): void {
    if (reloadMs > 0) cancel = clock.after(reloadMs, again);
  }

  try {
    read();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!missing) throw error;
    if (reloadMs === 0)
      throw corefileError(directive.at, `the zone file ${path} cannot be read`, String(error));
    logger.warn('the zone file cannot be read yet', { file: path, error });
  }
  return {
    zones,
    start: (told = () => {}) => {
      notify = told;
      for (const { origin, zone } of zones) if (zone !== undefined) notify(origin);
      later();
    },
    close: () => cancel(),
  };
}

function optionsOf({ block = [] }: Directive, fallthrough: string[]): { reloadMs: number; byTime: boolean } {
  const options = { reloadMs: defaultReloadMs, byTime: false };
  for (const line of block) {
    if (line.name === 'reload') options.reloadMs = durationMs(onlyArgument(line), line.at);
    else if (line.name === 'reload_by_mtime') options.byTime = true;
    else if (line.name === 'fallthrough') fallthrough.push(...fallthroughZones(line));
    else if (line.name !== 'upstream') throw unknownOption(line, 'file');
  }
  return options;
}

function serialOf({ soa }: Zone): number | undefined {
  return soa !== undefined && 'serial' in soa.data ? soa.data.serial : undefined;
}
