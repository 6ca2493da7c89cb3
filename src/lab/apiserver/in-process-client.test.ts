import { afterEach, describe } from 'vitest';
import { clientCases } from '../../kube/client/client.cases.ts';
import { nodePorts } from '../../net/ports.ts';
import { type ApiServer, createApiServer } from './api-server.ts';

const servers: ApiServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

describe('the in-process client', () => {
  clientCases(async () => {
    const server = createApiServer({ serviceCidrs: ['10.96.0.0/16'], nodePortRange: nodePorts });
    servers.push(server);
    return server.client();
  });
});
