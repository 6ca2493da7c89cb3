/** `autopath [ZONE...] RESOLV-CONF`, where the last may be `@PLUGIN`, such as `@kubernetes`: each client's own path. */
import { resolve } from 'node:path';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError, refuseBlock, zonesOf } from '../../corefile/options.ts';
import type { PluginContext, PluginInstance, PluginSetup, Query } from '../../plugin.ts';
import { autopathPlugin } from './autopath.ts';
import { readSearchPath } from './resolv-conf.ts';

/** A plugin that knows its clients' search paths. */
interface SearchPathSource extends PluginInstance {
  searchPath(query: Query): readonly string[] | undefined;
}

export const setup: PluginSetup = (directives, context) => {
  const { zones, file, plugin } = autopathOptions(directives.at(-1)!, context);
  for (const directive of directives) autopathOptions(directive, context);
  let source: SearchPathSource | undefined;
  const success = context.metrics.counter({
    name: 'coredns_autopath_success_total',
    help: 'Counter of requests that did autopath.',
  });
  return {
    handler: autopathPlugin({
      zones,
      searchPath: (query) => (plugin === undefined ? file : source?.searchPath(query)),
      onSuccess: (query) => success.inc({ server: query.listener ?? '' }),
    }),
    start: () => {
      const instance = plugin === undefined ? undefined : context.sibling(plugin);
      if (instance === undefined) return;
      if (!('searchPath' in instance))
        throw corefileError(
          directives[0]!.at,
          `the plugin ${plugin} knows no search paths`,
          'Write: @kubernetes.',
        );
      source = instance as SearchPathSource;
    },
  };
};

export interface AutopathFields {
  zones: readonly string[];
  /** The search path of a file, then ''. */
  file?: readonly string[];
  /** The plugin that knows the paths. */
  plugin?: string;
}

/** @throws TendrilError COREFILE */
export function autopathOptions(
  directive: Directive,
  context: Pick<PluginContext, 'zones' | 'directory'>,
): AutopathFields {
  refuseBlock(directive);
  const { args, at } = directive;
  const last = args.at(-1);
  if (last === undefined)
    throw corefileError(at, 'autopath names no resolv.conf', 'Write: autopath @kubernetes, or a file.');
  const zones = zonesOf(args.slice(0, -1), context, at);
  if (last.startsWith('@')) return { zones, plugin: last.slice(1) };
  const file = readSearchPath(resolve(context.directory, last));
  if (file === undefined) throw corefileError(at, `the resolv.conf "${last}" cannot be read`);
  return { zones, file: [...file, ''] };
}
