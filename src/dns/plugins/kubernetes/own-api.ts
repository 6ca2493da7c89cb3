/** Reads of an API server that the Corefile names for `kubernetes` alone. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KubeClient } from '../../../kube/client/client.ts';
import { createHttpClient, type HttpClient } from '../../../kube/client/http-client.ts';
import { createInformers, type Informers } from '../../../kube/client/informers.ts';
import { type ApiEndpoint, loadKubeconfig } from '../../../kube/client/kubeconfig.ts';
import type { PluginContext } from '../../plugin.ts';
import { apiMetrics } from './api-metrics.ts';
import { keptObjects } from './kept-objects.ts';
import type { ApiOptions } from './options.ts';

/** A kubeconfig goes before an endpoint. Credentials are read at the first request: again and again until they are there. */
export function ownInformers(
  api: ApiOptions,
  { logger, clock, directory, metrics }: Pick<PluginContext, 'logger' | 'clock' | 'directory' | 'metrics'>,
): Informers {
  const file = (path: string) => readFileSync(resolve(directory, path), 'utf8');
  const { kubeconfig, server, tls } = api;
  const endpoint = async (): Promise<ApiEndpoint> => {
    if (kubeconfig !== undefined)
      return await loadKubeconfig(resolve(directory, kubeconfig.path), { context: kubeconfig.context });
    return { server: server!, ...(tls && { cert: file(tls.cert), key: file(tls.key), ca: file(tls.ca) }) };
  };
  let opened: Promise<HttpClient> | undefined;
  const client = lateClient(() => {
    opened ??= endpoint().then((at) => createHttpClient(at, { observer: apiMetrics(metrics) }));
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  });
  const informers = createInformers({ client, logger, clock, kept: keptObjects });
  return {
    ...informers,
    stop: async () => {
      await informers.stop();
      (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** A client that is opened when it is first used; for reflectors, which only list and watch. */
function lateClient(open: () => Promise<KubeClient>): KubeClient {
  const reads: Pick<KubeClient, 'list' | 'watch'> = {
    list: async (type, options) => await (await open()).list(type, options),
    watch: async function* (type, options) {
      yield* (await open()).watch(type, options);
    },
  };
  return reads as KubeClient;
}
