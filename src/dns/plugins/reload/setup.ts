/** `reload [INTERVAL] [JITTER]`: how often the Corefile is looked at; the supervisor of the server blocks does it. */
import {
  corefileError,
  countArguments,
  durationMs,
  onlyDirective,
  refuseBlock,
} from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';

const defaults = { intervalMs: 30_000, jitterMs: 15_000 };
const least = { intervalMs: 2000, jitterMs: 1000 };

export const setup: PluginSetup = (directives) => {
  const directive = onlyDirective(directives);
  const { args, at } = directive;
  countArguments(directive, 0, 2);
  refuseBlock(directive);
  const intervalMs = args[0] === undefined ? defaults.intervalMs : durationMs(args[0], at);
  const wanted = args[1] === undefined ? defaults.jitterMs : durationMs(args[1], at);
  if (intervalMs < least.intervalMs) throw corefileError(at, `the interval of reload is at least 2s`);
  if (wanted !== 0 && wanted < least.jitterMs)
    throw corefileError(at, `the jitter of reload is 0 or at least 1s`);
  const jitterMs = Math.min(wanted, intervalMs / 2);
  return { settings: { reload: { intervalMs: intervalMs + (Math.random() - 0.5) * jitterMs } } };
};
