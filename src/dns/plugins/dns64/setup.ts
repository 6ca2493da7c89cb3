/** `dns64 [PREFIX] { prefix / translate_all / allow_ipv4 }`: AAAA answers for hosts that have IPv4 alone (RFC 6147). */
import { type Cidr, parseCidr, tryParseCidr } from '../../../net/cidr.ts';
import { afterward } from '../../chain.ts';
import type { Directive, Place } from '../../corefile/directive.ts';
import { corefileError, countArguments, onlyArgument, unknownOption } from '../../corefile/options.ts';
import { kindOf } from '../../message/answer-kind.ts';
import { classInternet, recordTypes } from '../../message/constants.ts';
import type { Message } from '../../message/message.ts';
import type { PluginSetup, Query } from '../../plugin.ts';
import { translate } from './translate.ts';

interface Options {
  prefix: Cidr;
  /** Also where there are AAAA records. */
  translateAll: boolean;
  /** Also for clients that ask over IPv4. */
  allowIpv4: boolean;
}

/** The well-known prefix (RFC 6052). */
const wellKnown = '64:ff9b::/96';

export const setup: PluginSetup = (directives, { metrics, resolve }) => {
  const options = optionsOf(directives);
  const translated = metrics.counter({
    name: 'coredns_dns64_requests_translated_total',
    help: 'Counter of DNS requests translated by dns64.',
  });
  return {
    handler: {
      name: 'dns64',
      serve: (query, next) => {
        if (!concerns(query, options)) return next();
        return afterward(next(), (original) => {
          if (original === undefined || !isWanting(original, options)) return original;
          return afterward(resolve(query, { name: query.name, type: recordTypes.A }), (ipv4) => {
            if (ipv4 === undefined) return original;
            translated.inc({ server: query.listener ?? '' });
            return translate(query.message, { original, ipv4 }, options.prefix);
          });
        });
      },
    },
  };
};

function concerns({ type, client, message }: Query, { allowIpv4 }: Options): boolean {
  if (!allowIpv4 && !client.address.includes(':')) return false;
  return type === recordTypes.AAAA && message.questions[0]!.class === classInternet;
}

/** A name that is not there has no IPv4 address either; all other errors are as good as no records (RFC 6147, 5.1.2). */
function isWanting(answer: Message, { translateAll }: Options): boolean {
  if (kindOf(answer) === 'NXDOMAIN') return false;
  return translateAll || !answer.answers.some(({ data }) => data.type === recordTypes.AAAA);
}

function optionsOf(directives: readonly Directive[]): Options {
  const options: Options = { prefix: parseCidr(wellKnown), translateAll: false, allowIpv4: false };
  for (const directive of directives) {
    countArguments(directive, 0, 1);
    const { args, block = [], at } = directive;
    if (args[0] !== undefined) {
      options.prefix = prefixOf(args[0], at);
      if (block[0] !== undefined)
        throw corefileError(block[0].at, 'dns64 has either a prefix behind it or options in braces');
    }
    for (const line of block) readOption(line, options);
  }
  return options;
}

function readOption(line: Directive, options: Options): void {
  if (line.name === 'prefix') options.prefix = prefixOf(onlyArgument(line), line.at);
  else if (line.name === 'translate_all') options.translateAll = true;
  else if (line.name === 'allow_ipv4') options.allowIpv4 = true;
  else throw unknownOption(line, 'dns64');
}

function prefixOf(text: string, at: Place): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr?.ip.family === 6 && cidr.prefix % 8 === 0 && cidr.prefix >= 32 && cidr.prefix <= 96) return cidr;
  throw corefileError(
    at,
    `"${text}" is no prefix for IPv4 addresses`,
    'Write an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits, such as 64:ff9b::/96.',
  );
}
