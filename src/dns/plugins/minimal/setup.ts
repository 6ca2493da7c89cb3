/** `minimal`: leaves out authority and additional records that an answer can do without. */
import { afterward } from '../../chain.ts';
import { countArguments, onlyDirective, refuseBlock } from '../../corefile/options.ts';
import { kindOf } from '../../message/answer-kind.ts';
import type { Answer, PluginSetup } from '../../plugin.ts';

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0);
  refuseBlock(directive);
  return { handler: { name: 'minimal', serve: (_query, next) => afterward(next(), minimised) } };
};

function minimised(answer: Answer): Answer {
  if (answer === undefined || kindOf(answer) !== 'NOERROR') return answer;
  return { ...answer, authorities: [], additionals: [] };
}
