/** `bufsize [SIZE]`: the largest UDP answer that a query may ask for, against fragments on the way. */
import { countArguments, onlyDirective, refuseBlock, wholeNumber } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';

const defaultBytes = 1232;

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0, 1);
  refuseBlock(directive);
  const [text] = directive.args;
  const limit = text === undefined ? defaultBytes : wholeNumber(text, { min: 512, max: 4096 }, directive.at);
  return {
    handler: {
      name: 'bufsize',
      serve: (query, next) => {
        const { edns } = query.message;
        // In place: the server encodes the reply by the size that the query has in the end.
        if (edns !== undefined && edns.udpBytes > limit) edns.udpBytes = limit;
        return next();
      },
    },
  };
};
