/** `cache [TTL] [ZONES...]`: keeps answers. */
import { onlyDirective } from '../../corefile/options.ts';
import type { PluginSetup } from '../../plugin.ts';
import { cachePlugin } from './cache.ts';
import { createCacheMetrics } from './cache-metrics.ts';
import { parseCacheOptions } from './options.ts';

export const setup: PluginSetup = (directives, context) => {
  const options = parseCacheOptions(onlyDirective(directives), context);
  const metrics = createCacheMetrics(context, options.zones);
  return { handler: cachePlugin({ options, clock: context.clock, metrics }) };
};
