/** `forward FROM TO...`: asks other servers. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { tryParseIp } from '../../../net/ip.ts';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, countArguments, unknownOption, zonesOfText } from '../../corefile/options.ts';
import { isBelow } from '../../message/name.ts';
import type { DnsPlugin, PluginSetup } from '../../plugin.ts';
import { nameserversOf } from '../../resolv-conf.ts';
import { tryAddress } from '../../server/http-endpoints.ts';
import { forwardPlugin, type Upstream } from './forward.ts';

interface Forwarder {
  zones: readonly string[];
  plugin: DnsPlugin;
}

export const setup: PluginSetup = (directives, { directory }) => {
  const forwarders = directives.map((directive) => forwarderOf(directive, directory));
  return {
    recursive: true,
    handler: {
      name: 'forward',
      serve: (query, next) => {
        const to = forwarders.find(({ zones }) => zones.some((zone) => isBelow(query.name, zone)));
        return to === undefined ? next() : to.plugin.serve(query, next);
      },
    },
  };
};

function forwarderOf(directive: Directive, directory: string): Forwarder {
  countArguments(directive, 2, Number.POSITIVE_INFINITY);
  const [from, ...to] = directive.args as [string, ...string[]];
  const other = directive.block?.find(({ name }) => name !== 'max_concurrent');
  if (other !== undefined) throw unknownOption(other, 'forward');
  const upstreams = to.flatMap((word) => upstreamsOf(word, directive, directory));
  return { zones: zonesOfText(from, directive.at), plugin: forwardPlugin({ upstreams }) };
}

function upstreamsOf(word: string, { at }: Directive, directory: string): Upstream[] {
  if (tryParseIp(word) !== undefined) return [{ address: word, port: 53 }];
  const place = tryAddress(word);
  if (place !== undefined && tryParseIp(place.host) !== undefined)
    return [{ address: place.host, port: place.port }];
  try {
    const text = readFileSync(resolve(directory, word), 'utf8');
    return nameserversOf(text).map((address) => ({ address, port: 53 }));
  } catch (cause) {
    throw corefileError(
      at,
      `"${word}" is neither an address nor a resolv.conf that can be read`,
      String(cause),
    );
  }
}
