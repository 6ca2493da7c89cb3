/** `k8s_external [ZONE...] { apex LABEL / ttl TTL / headless / fallthrough [ZONES...] }`: external addresses of Services. */

import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  unknownOption,
  wholeNumber,
  zonesOf,
  zonesOfText,
} from '../../corefile/options.ts';
import type { PluginContext, PluginInstance, PluginSetup } from '../../plugin.ts';
import type { KubernetesInstance } from '../kubernetes/setup.ts';
import type { ZoneLookup } from '../kubernetes/zone-lookup.ts';
import { externalPlugin } from './external.ts';

export interface ExternalOptions {
  /** Canonical; PTR records point into the first. */
  zones: readonly string[];
  /** Label below which the zone's name servers are. */
  apex: string;
  /** Seconds. */
  ttl: number;
  headless: boolean;
  fallthrough: readonly string[];
}

export const setup: PluginSetup = (directives, context) => {
  const options = externalOptions(directives, context);
  let cluster: ZoneLookup | undefined;
  const { at } = directives[0]!;
  return {
    handler: externalPlugin({
      options,
      // Nothing is asked before the start.
      lookup: () => cluster!,
      resolve: context.resolve,
    }),
    start: () => {
      cluster = lookupOf(context.sibling('kubernetes'));
      if (cluster === undefined)
        throw corefileError(
          at,
          'k8s_external needs the plugin kubernetes',
          'Add it to the same server block.',
        );
    },
  };
};

function lookupOf(instance: PluginInstance | undefined): ZoneLookup | undefined {
  return (instance as KubernetesInstance | undefined)?.lookup;
}

/** @throws TendrilError COREFILE */
export function externalOptions(
  directives: readonly Directive[],
  context: Pick<PluginContext, 'zones'>,
): ExternalOptions {
  const options: ExternalOptions = { zones: [], apex: 'dns', ttl: 5, headless: false, fallthrough: [] };
  for (const directive of directives) {
    options.zones = zonesOf(directive.args, context, directive.at);
    for (const line of directive.block ?? []) readOption(options, line);
  }
  return options;
}

function readOption(options: ExternalOptions, line: Directive): void {
  const { name, args, at } = line;
  switch (name) {
    case 'apex':
      countArguments(line, 1, Number.POSITIVE_INFINITY);
      options.apex = args[0]!.toLowerCase();
      return;
    case 'ttl':
      countArguments(line, 1, Number.POSITIVE_INFINITY);
      options.ttl = wholeNumber(args[0]!, { min: 0, max: 3600 }, at);
      return;
    case 'headless':
      options.headless = true;
      return;
    case 'fallthrough':
      options.fallthrough = args.length === 0 ? [''] : args.flatMap((arg) => zonesOfText(arg, at));
      return;
    default:
      throw unknownOption(line, 'k8s_external');
  }
}
