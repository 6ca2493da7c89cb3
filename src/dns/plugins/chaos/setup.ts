/** `chaos [VERSION] [AUTHORS...]`: version.bind, version.server, authors.bind, hostname.bind and id.server in class CH. */
import { hostname } from 'node:os';
import { onlyDirective, refuseBlock } from '../../corefile/options.ts';
import { recordTypes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import type { PluginSetup } from '../../plugin.ts';
import { shuffle } from '../loadbalance/shuffle.ts';

const classChaos = 3;
/** A TXT string has one byte for its length. */
const maxBytes = 255;

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  refuseBlock(directive);
  const [version = 'Tendril', ...names] = directive.args;
  const authors = names.length > 0 ? [...new Set(names)] : ['the Tendril authors'];

  function stringsFor(name: string): string[] | undefined {
    if (name === 'authors.bind') return shuffle([...authors]);
    if (name === 'version.bind' || name === 'version.server') return [version];
    return name === 'hostname.bind' || name === 'id.server' ? [hostname()] : undefined;
  }

  return {
    settings: { anyClass: true },
    handler: {
      name: 'chaos',
      serve: (query, next) => {
        const question = query.message.questions[0]!;
        const strings = stringsFor(query.name);
        if (question.class !== classChaos || query.type !== recordTypes.TXT || strings === undefined)
          return next();
        const answers = strings.map((string) => ({
          name: question.name,
          class: classChaos,
          ttl: 0,
          data: { type: recordTypes.TXT, strings: [Buffer.from(string).subarray(0, maxBytes)] },
        }));
        return replyTo(query.message, { answers });
      },
    },
  };
};
