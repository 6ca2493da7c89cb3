/** `cancel [TIMEOUT]`: a query that takes longer is not waited for; its client has gone. */
import {
  corefileError,
  countArguments,
  durationMs,
  onlyDirective,
  refuseBlock,
} from '../../corefile/options.ts';
import type { Answer, PluginSetup } from '../../plugin.ts';

const defaultMs = 5001;

export const setup: PluginSetup = (directives, { clock }) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0, 1);
  refuseBlock(directive);
  const [text] = directive.args;
  const timeoutMs = text === undefined ? defaultMs : durationMs(text, directive.at);
  if (timeoutMs <= 0) throw corefileError(directive.at, 'the time of cancel is more than 0');

  /** A timer only for queries that have to wait at all. */
  function limited(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stop = clock.after(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
      answer.then(resolve, reject).finally(stop);
    });
  }

  return {
    handler: {
      name: 'cancel',
      serve: (_query, next) => {
        const served = next();
        return served instanceof Promise ? limited(served) : served;
      },
    },
  };
};
