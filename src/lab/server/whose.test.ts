import { expect, test } from 'vitest';
import { externalStatus } from './whose.ts';

test('controllers that the lab does not run are the cluster’s', () => {
  const server = {
    endpoint: { server: 'https://192.0.2.1:6443' },
    version: 'v1.36.3',
    advertised: [],
    clientCa: '',
    runs: { controllers: false, scheduler: true },
  };
  expect(externalStatus(server, new Set(['scheduler']))).toEqual({
    server: 'https://192.0.2.1:6443',
    version: 'v1.36.3',
    controllers: [
      { what: 'pod CIDRs of nodes', whose: 'cluster' },
      { what: 'workloads, EndpointSlices, mirroring', whose: 'cluster' },
      { what: 'scheduler', whose: 'lab' },
    ],
  });
});
