import { afterEach, describe } from 'vitest';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { createApiServer } from '../apiserver/api-server.ts';
import { clusterCases } from './cluster.cases.ts';

describe('on the fake API', () => clusterCases(async () => new FakeClient()));

describe("on the lab's API server", () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  clusterCases(async () => {
    const server = createApiServer({
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
      nodePortRange: { first: 30000, last: 32767 },
    });
    stops.push(() => server.stop());
    return server.client();
  });
});
