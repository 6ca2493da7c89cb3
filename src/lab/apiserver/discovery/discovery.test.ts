import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { ResourceRegistry } from '../registry/resource-registry.ts';
import { discoveryDocument } from './discovery.ts';

const registry = new ResourceRegistry();
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

function answer(path: string, accept?: string): JsonObject {
  const response = discoveryDocument(registry, { method: 'GET', path, accept })!;
  if ('body' in response) return response.body as JsonObject;
  if ('raw' in response) return JSON.parse(String(response.raw));
  throw new Error('no document');
}

describe('aggregated discovery', () => {
  test.each<[string, string]>([
    ['the clients of today', `${aggregated},application/json`],
    [
      'those of 1.27, with the version before',
      `application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,${aggregated}`,
    ],
    ['with spaces', aggregated.replaceAll(';', '; ')],
  ])('is for %s', (_, accept) => {
    expect(answer('/apis', accept)).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
    });
  });

  test.each(['application/json', '', '*/*', `application/json,${aggregated}`])('is not for %j', (accept) => {
    expect(answer('/apis', accept).kind).toBe('APIGroupList');
    expect(answer('/api', accept).kind).toBe('APIVersions');
  });

  test('says of a resource what the plain document says', () => {
    const [core] = answer('/api', aggregated).items;
    const pods = core.versions[0].resources.find((r: JsonObject) => r.resource === 'pods');
    expect(core.metadata).toEqual({});
    expect(pods).toMatchObject({
      responseKind: { group: '', version: 'v1', kind: 'Pod' },
      scope: 'Namespaced',
      singularResource: 'pod',
      shortNames: ['po'],
      categories: ['all'],
    });
    expect(pods.subresources).toContainEqual({
      subresource: 'eviction',
      responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      verbs: ['create'],
    });
  });

  test('has the preferred version of a group first', () => {
    const items = answer('/apis', aggregated).items as JsonObject[];
    const autoscaling = items.find((g) => g.metadata.name === 'autoscaling')!;
    expect(autoscaling.versions.map((v: JsonObject) => v.version)).toEqual(['v2', 'v1']);
    expect(answer('/apis/autoscaling').preferredVersion.version).toBe('v2');
  });
});
