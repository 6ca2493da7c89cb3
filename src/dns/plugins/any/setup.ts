/** `any`: a short answer to queries of type ANY (RFC 8482). */
import { countArguments, onlyDirective, refuseBlock } from '../../corefile/options.ts';
import { classInternet, recordTypes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import type { PluginSetup } from '../../plugin.ts';

const hinfo = 13;
const text = (string: string) => Buffer.concat([Buffer.of(string.length), Buffer.from(string)]);
const data = { type: hinfo, bytes: Buffer.concat([text('ANY obsoleted'), text('See RFC 8482')]) };
/** Seconds; after the RFC's number. */
const ttl = 8482;

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0);
  refuseBlock(directive);
  return {
    handler: {
      name: 'any',
      serve: (query, next) => {
        if (query.type !== recordTypes.ANY) return next();
        const { name } = query.message.questions[0]!;
        return replyTo(query.message, { answers: [{ name, class: classInternet, ttl, data }] });
      },
    },
  };
};
