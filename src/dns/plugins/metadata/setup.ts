/** `metadata [ZONES...]`: plugins tell what they know of a query before the chain runs. */
import { onlyDirective, refuseBlock, zonesOf } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';

export const setup: PluginSetup = (directives, context) => {
  const directive = onlyDirective(directives);
  refuseBlock(directive);
  zonesOf(directive.args, context, directive.at);
  return { settings: { metadata: true } };
};
