/** `root PATH`: the directory that relative file names of a server block start from. */
import { onlyArgument, onlyDirective, refuseBlock } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  refuseBlock(directive);
  return { settings: { directory: onlyArgument(directive) } };
};
