/** The lab's API server in this process, with the networks of the real one. */

import type { ApiEndpoint } from '../../../src/kube/client/kubeconfig.ts';
import { createApiServer } from '../../../src/lab/apiserver/api-server.ts';
import { adminGroups, adminUser, createCertificateAuthority } from '../../../src/lab/apiserver/pki/pki.ts';
import { nodePorts } from '../../../src/net/ports.ts';

export interface StandIn extends AsyncDisposable {
  endpoint: ApiEndpoint;
}

export async function startStandIn(): Promise<StandIn> {
  const ca = createCertificateAuthority('differential');
  const server = createApiServer({
    serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
    nodePortRange: nodePorts,
    advertise: { ips: ['203.0.113.10'], port: 6443 },
    authorization: 'rbac',
    caCertificate: ca.certificate,
  });
  const certificate = ca.serverCertificate(['localhost', '127.0.0.1']);
  const at = { host: '127.0.0.1', port: 0 };
  const { port } = await server.listen({ ...certificate, clientCa: ca.certificate, at });
  const client = ca.clientCertificate(adminUser, adminGroups);
  return {
    endpoint: {
      server: `https://127.0.0.1:${port}`,
      ca: ca.certificate,
      cert: client.certificate,
      key: client.key,
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
