/** `forward FROM TO... { … }`: several of a block are asked in their order, each for the names that it takes. */
import { Resolver } from 'node:dns/promises';
import type { Directive } from '../../corefile/directive.ts';
import { corefileError } from '../../corefile/options.ts';
import type { PluginSetup, Query, Served } from '../../plugin.ts';
import { Forwarder } from './forward.ts';
import { createForwardMetrics } from './forward-metrics.ts';
import { type ForwardOptions, readForward } from './options.ts';
import type { UpstreamAddress } from './upstream-address.ts';

export const setup: PluginSetup = (directives, { clock, directory, metrics }) => {
  const shared = { clock, metrics: createForwardMetrics(metrics) };
  const forwarders = directives.map((directive) => {
    const options = readForward(directive, directory);
    return { directive, options, forwarder: new Forwarder(options, shared) };
  });

  const serveFrom = (index: number, query: Query, next: () => Served): Served => {
    const at = forwarders.findIndex(({ forwarder }, i) => i >= index && forwarder.matches(query.name));
    if (at === -1) return next();
    const isLast = at === forwarders.length - 1;
    return forwarders[at]!.forwarder.serve(query, isLast ? undefined : () => serveFrom(at + 1, query, next));
  };

  return {
    recursive: true,
    handler: { name: 'forward', serve: (query, next) => serveFrom(0, query, next) },
    start: async () => {
      for (const { directive, options, forwarder } of forwarders)
        if (options.upstreams.some(({ isName }) => isName))
          forwarder.replaceUpstreams(await resolveNames(options, directive));
    },
    close: () => {
      for (const { forwarder } of forwarders) forwarder.close();
    },
  };
};

/** Host names become all of their addresses, once, at the start. */
async function resolveNames(options: ForwardOptions, { at }: Directive): Promise<UpstreamAddress[]> {
  const resolver = new Resolver();
  if (options.resolvers.length > 0) resolver.setServers(options.resolvers);
  const resolved = options.upstreams.map(async (upstream) => {
    if (!upstream.isName) return [upstream];
    const found = await Promise.allSettled([
      resolver.resolve4(upstream.host),
      resolver.resolve6(upstream.host),
    ]);
    const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    if (addresses.length > 0) return addresses.map((host) => ({ ...upstream, host, isName: false }));
    const cause = found.find((one) => one.status === 'rejected')?.reason;
    throw corefileError(at, `the host name "${upstream.host}" cannot be resolved`, String(cause));
  });
  return (await Promise.all(resolved)).flat();
}
