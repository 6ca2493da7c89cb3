/** `health [ADDRESS] { lameduck DURATION }`: the process lives, at /health; it serves on for a while when it is to end. */
import { durationMs, onlyArgument, unknownOption } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';
import { httpAddressOf } from '../http-address.ts';
import { watchHealth } from './self-check.ts';

const defaultAddress = ':8080';

export const setup: PluginSetup = (directives, context) => {
  const { http } = context;
  let address = defaultAddress;
  let lingerMs = 0;
  for (const directive of directives) {
    if (directive.args.length > 0) address = httpAddressOf(directive, defaultAddress);
    for (const line of directive.block ?? []) {
      if (line.name !== 'lameduck') throw unknownOption(line, 'health');
      lingerMs = durationMs(onlyArgument(line), line.at);
    }
  }
  let end: (() => Promise<void>) | undefined;
  let unwatch = () => {};
  return {
    lingerMs,
    start: async () => {
      end = await http.open(address, '/health', () => ({ status: 200, body: 'OK' }));
      unwatch = watchHealth(address, context);
    },
    close: () => {
      unwatch();
      return end?.();
    },
  };
};
