import { describe, expect, test } from 'vitest';
import { ApiError } from '../../kube/client/api-error.ts';
import { TendrilError } from '../../util/errors.ts';
import { discover } from './discovery.ts';
import type { RawApi } from './raw-api.ts';

const lists: Record<string, object> = {
  '/apis': {
    groups: ['apps', 'metrics.k8s.io'].map((name) => ({ name, versions: [{ groupVersion: `${name}/v1` }] })),
  },
  '/api/v1': { groupVersion: 'v1', resources: [{ name: 'pods', kind: 'Pod', namespaced: true, verbs: [] }] },
  '/apis/apps/v1': {
    groupVersion: 'apps/v1',
    resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true, verbs: [] }],
  },
};

const failing = (error: unknown): RawApi => ({
  send: async ({ path }) => {
    const list = lists[path];
    if (list === undefined) throw error;
    return list;
  },
});

describe('discovery, where a group’s own server fails', () => {
  test('finds what the others have', async () => {
    const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure' } as const;
    const away = new ApiError({ ...status, code: 503, reason: 'ServiceUnavailable' });
    const { resources } = await discover(failing(away));
    expect(resources.map(({ plural }) => plural)).toEqual(['pods', 'deployments']);
  });

  test('fails where the API server itself has gone', async () => {
    const gone = new TendrilError('API_UNREACHABLE', 'gone');
    await expect(discover(failing(gone))).rejects.toBe(gone);
  });
});
