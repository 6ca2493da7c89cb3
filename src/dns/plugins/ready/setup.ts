/** `ready [ADDRESS] { monitor until-ready|continuously }`: whether all plugins of all blocks can answer, at /ready. */
import { corefileError, onlyArgument, onlyDirective, unknownOption } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';
import { httpAddressOf } from '../http-address.ts';

const defaultAddress = ':8181';
const modes = ['until-ready', 'continuously'];

export const setup: PluginSetup = (directives, { http, instances, stopping }) => {
  const directive = onlyDirective(directives);
  const address = httpAddressOf(directive, defaultAddress);
  let mode = 'until-ready';
  for (const line of directive.block ?? []) {
    if (line.name !== 'monitor') throw unknownOption(line, 'ready');
    mode = onlyArgument(line);
    if (!modes.includes(mode)) throw corefileError(line.at, `"${mode}" is neither ${modes.join(' nor ')}`);
  }
  /** Plugins that were ready once are not asked again, unless continuously. */
  const settled = new Set<object>();
  function waitingFor(): string[] {
    const names = new Set<string>();
    for (const { name, instance } of instances()) {
      if (instance.ready === undefined || settled.has(instance)) continue;
      if (!instance.ready()) names.add(name);
      else if (mode === 'until-ready') settled.add(instance);
    }
    return [...names].sort();
  }
  let end: (() => Promise<void>) | undefined;
  return {
    start: async () => {
      end = await http.open(address, '/ready', () => {
        if (stopping()) return { status: 503, body: 'Shutting down' };
        const names = waitingFor();
        return names.length === 0 ? { status: 200, body: 'OK' } : { status: 503, body: names.join(',') };
      });
    },
    close: () => end?.(),
  };
};
