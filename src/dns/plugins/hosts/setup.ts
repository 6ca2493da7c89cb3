/** `hosts [FILE [ZONES...]] { ... }`: names of a hosts file, and of lines in the Corefile itself. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Ip } from '../../../net/ip.ts';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  fallthroughZones,
  onlyArgument,
  onlyDirective,
  wholeNumber,
  zonesOf,
} from '../../corefile/options.ts';
import { classInternet, recordTypes, responseCodes } from '../../message/constants.ts';
import { type ResourceRecord, replyTo } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { PluginContext, PluginSetup, Query, Served } from '../../plugin.ts';
import { reverseIp } from '../../reverse-name.ts';
import { type HostsTable, parseHosts } from './hosts-file.ts';

interface HostsOptions {
  path: string;
  zones: readonly string[];
  inline: string[];
  ttl: number;
  reverse: boolean;
  reloadMs: number;
  fallthrough: readonly string[];
  fallthroughUnsupported: boolean;
}

export const setup: PluginSetup = (directives, context) => {
  const options = parseOptions(onlyDirective(directives), context);
  const file = watchFile(options, context);
  const below = (name: string, zones: readonly string[]) => zones.some((zone) => isBelow(name, zone));
  const addressesOf = (name: string) => file.tables().flatMap((table) => table.addressesOf(name));
  const passes = (name: string) => below(name, options.fallthrough);

  function recordsFor({ name, type, message }: Query): ResourceRecord[] {
    const owner = message.questions[0]!.name;
    const record = (data: ResourceRecord['data']) => ({
      name: owner,
      class: classInternet,
      ttl: options.ttl,
      data,
    });
    return addressesOf(name)
      .filter((ip) => typeOf(ip) === type)
      .map((ip) => record({ type: typeOf(ip), ip }));
  }

  function reverse(query: Query, next: () => Served): Served {
    const ip = reverseIp(query.name);
    const names = ip === undefined ? [] : file.tables().flatMap((table) => table.namesOf(ip));
    if (names.length === 0) return next();
    const { name } = query.message.questions[0]!;
    const answers = names.map((target) => ({
      name,
      class: classInternet,
      ttl: options.ttl,
      data: { type: recordTypes.PTR, target },
    }));
    return replyTo(query.message, { authoritative: true, answers });
  }

  return {
    start: file.start,
    close: file.close,
    handler: {
      name: 'hosts',
      serve: (query, next): Served => {
        if (query.type === recordTypes.PTR) return reverse(query, next);
        if (!below(query.name, options.zones)) return next();
        const address = query.type === recordTypes.A || query.type === recordTypes.AAAA;
        if (!address && options.fallthroughUnsupported && passes(query.name)) return next();
        const answers = address ? recordsFor(query) : [];
        if (answers.length === 0 && addressesOf(query.name).length === 0) {
          // A hosts file has no SOA record to say NXDOMAIN with (CoreDNS says SERVFAIL too).
          return passes(query.name) ? next() : replyTo(query.message, { rcode: responseCodes.SERVFAIL });
        }
        return replyTo(query.message, { authoritative: true, answers });
      },
    },
  };
};

const typeOf = ({ family }: Ip) => (family === 4 ? recordTypes.A : recordTypes.AAAA);

/** The file as it was read last; looked at again every `reloadMs`. */
function watchFile({ path, zones, inline, reverse, reloadMs }: HostsOptions, context: PluginContext) {
  const { clock, logger, metrics } = context;
  const own = parseHosts(inline.join('\n'), { zones, reverse });
  const entries = metrics.gauge({
    name: 'coredns_hosts_entries',
    help: 'The combined number of entries in hosts and Corefile.',
  });
  const loadedAt = metrics.gauge({
    name: 'coredns_hosts_reload_timestamp_seconds',
    help: 'The timestamp of the last reload of hosts file.',
  });
  let tables: readonly HostsTable[] = [own];
  let version = '';
  let cancel = () => {};

  function read(first: boolean): void {
    try {
      const { mtimeMs, size } = statSync(path);
      if (version !== `${mtimeMs} ${size}`) {
        tables = [parseHosts(readFileSync(path, 'utf8'), { zones, reverse }), own];
        version = `${mtimeMs} ${size}`;
        entries.set(tables[0]!.size + own.size, { hostsfile: path });
        loadedAt.set(mtimeMs / 1000);
      }
    } catch (error) {
      if (first) logger.warn('the hosts file cannot be read', { file: path, error });
    }
    if (reloadMs > 0) cancel = clock.after(reloadMs, () => read(false));
  }
  return { tables: () => tables, start: () => read(true), close: () => cancel() };
}

function parseOptions(directive: Directive, context: PluginContext): HostsOptions {
  const { args, block = [], at } = directive;
  const [path = '/etc/hosts', ...zones] = args;
  const options: HostsOptions = {
    path: resolve(context.directory, path),
    zones: zonesOf(zones, context, at),
    inline: [],
    ttl: 3600,
    reverse: true,
    reloadMs: 5000,
    fallthrough: [],
    fallthroughUnsupported: false,
  };
  for (const line of block) {
    if (Object.hasOwn(lines, line.name)) lines[line.name]!(line, options);
    else if (options.fallthrough.length > 0)
      throw corefileError(
        line.at,
        `hosts has no option "${line.name}"`,
        'Lines of addresses stand before fallthrough.',
      );
    else options.inline.push([line.name, ...line.args].join(' '));
  }
  if (options.fallthroughUnsupported && options.fallthrough.length === 0)
    throw corefileError(at, 'fallthrough_unsupported needs fallthrough');
  return options;
}

const lines: Readonly<Record<string, (line: Directive, options: HostsOptions) => void>> = {
  fallthrough: (line, options) => {
    options.fallthrough = fallthroughZones(line);
  },
  fallthrough_unsupported: (line, options) => {
    countArguments(line, 0);
    options.fallthroughUnsupported = true;
  },
  no_reverse: (_line, options) => {
    options.reverse = false;
  },
  ttl: (line, options) => {
    options.ttl = wholeNumber(onlyArgument(line), { min: 1, max: 65_535 }, line.at);
  },
  reload: (line, options) => {
    options.reloadMs = durationMs(onlyArgument(line), line.at);
  },
};
