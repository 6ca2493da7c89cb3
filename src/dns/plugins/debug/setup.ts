/** `debug`: more is logged. */
import { countArguments, onlyDirective, refuseBlock } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  countArguments(directive, 0);
  refuseBlock(directive);
  return { settings: { debug: true } };
};
