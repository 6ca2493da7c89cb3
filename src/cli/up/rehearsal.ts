/**
 * Applies manifests to an API server of this process before a lab is made: whatever the lab's own API server
 * would refuse is told while nothing has been touched yet.
 */
import { ApiError, type Status } from '../../kube/client/api-error.ts';
import type { ApiHandler } from '../../lab/apiserver/api-request.ts';
import { createApiServer } from '../../lab/apiserver/api-server.ts';
import type { LabConfig } from '../../lab/topology/lab-config.ts';
import { nodePorts } from '../../net/ports.ts';
import { rehearseManifests } from '../apply/applier.ts';
import type { ManifestObject } from '../manifests/document.ts';
import { discover } from '../session/discovery.ts';
import type { RawApi } from '../session/raw-api.ts';

/** @throws TendrilError BAD_MANIFEST with the file and line of each bad object */
export async function rehearse(manifests: readonly ManifestObject[], config: LabConfig): Promise<void> {
  if (manifests.length === 0) return;
  const server = createApiServer({ serviceCidrs: config.serviceCidrs, nodePortRange: nodePorts });
  try {
    const api = inProcessApi(server.handle);
    await rehearseManifests({ api, discovery: await discover(api), namespace: 'default' }, manifests);
  } finally {
    await server.stop();
  }
}

/** Requests without a transport. */
function inProcessApi(handle: ApiHandler): RawApi {
  return {
    send: async ({ method, path, body, contentType, accept }) => {
      const url = new URL(path, 'http://in-process');
      const response = await handle({
        method,
        path: url.pathname,
        query: url.searchParams,
        body: body === undefined ? undefined : structuredClone(body),
        contentType: contentType ?? 'application/json',
        accept: accept ?? 'application/json',
      });
      if (!('body' in response)) throw new TypeError(`${method} ${path} does not answer with one object`);
      if (response.status >= 400) throw new ApiError(response.body as Status);
      return response.body;
    },
  };
}
