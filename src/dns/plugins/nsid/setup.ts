/** `nsid [DATA]`: tells which server answered, to those who ask (RFC 5001). */
import { hostname } from 'node:os';
import { afterward } from '../../chain.ts';
import { onlyDirective, refuseBlock } from '../../corefile/options.ts';
import type { Edns } from '../../message/message.ts';
import type { PluginSetup } from '../../plugin.ts';

const optionCode = 3;

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  refuseBlock(directive);
  const data = Buffer.from(directive.args.length > 0 ? directive.args.join(' ') : hostname());
  const named = (edns: Edns): Edns => ({
    ...edns,
    options: [...edns.options.filter(({ code }) => code !== optionCode), { code: optionCode, data }],
  });
  return {
    handler: {
      name: 'nsid',
      serve: (query, next) => {
        const { edns } = query.message;
        if (!edns?.options.some(({ code }) => code === optionCode)) return next();
        return afterward(next(), (answer) => {
          if (answer === undefined) return undefined;
          return { ...answer, edns: named(answer.edns ?? { ...edns, options: [] }) };
        });
      },
    },
  };
};
