import { describe, expect, test } from 'vitest';
import { ResourceRegistry } from '../registry/resource-registry.ts';
import type { AdmissionRequest } from './attributes.ts';
import { matchRules, type Rule } from './rules.ts';

const resources = new ResourceRegistry();

interface Asked {
  operation?: AdmissionRequest['operation'];
  path?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
}

function matched(
  rule: Rule,
  { path = '/v1/pods', operation = 'CREATE', ...more }: Asked,
  matchPolicy = 'Exact',
) {
  const [group = '', version = '', plural = ''] = path.split('/');
  const request: AdmissionRequest = {
    operation,
    resource: resources.find(group, version, plural)!,
    namespace: 'default',
    name: 'a',
    options: null,
    dryRun: false,
    user: { username: 'u', groups: [] },
    ...more,
  };
  const found = matchRules({ rules: [rule], matchPolicy }, request, resources);
  return found && `${found.group}/${found.version}/${found.plural}`;
}

const any = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] };
const exec = { subresource: 'exec', operation: 'CONNECT' as const };
const namespaces = { path: '/v1/namespaces', namespace: 'a' };
const node = { path: '/v1/nodes', namespace: '' };

describe('a rule', () => {
  test.each<[string, Rule, Asked, boolean]>([
    ['for everything is about pods', any, {}, true],
    ['for everything is not about subresources', any, exec, false],
    ['for */* is about resources', { ...any, resources: ['*/*'] }, {}, true],
    ['for */* is about subresources', { ...any, resources: ['*/*'] }, exec, true],
    ['for pods/* is about exec', { ...any, resources: ['pods/*'] }, exec, true],
    ['for pods/* is about pods', { ...any, resources: ['pods/*'] }, {}, true],
    ['for */exec is about it', { ...any, resources: ['*/exec'] }, exec, true],
    ['for pods/exec is not about pods', { ...any, resources: ['pods/exec'] }, {}, false],
    ['for another group is not', { ...any, apiGroups: ['apps'] }, {}, false],
    ['for the core group is', { ...any, apiGroups: [''] }, {}, true],
    ['for another version is not', { ...any, apiVersions: ['v2'] }, {}, false],
    ['for another operation is not', { ...any, operations: ['UPDATE', 'DELETE'] }, {}, false],
    ['for what is in namespaces is about pods', { ...any, scope: 'Namespaced' }, {}, true],
    ['for what is in namespaces is not about nodes', { ...any, scope: 'Namespaced' }, node, false],
    ['for what is in namespaces is not about them', { ...any, scope: 'Namespaced' }, namespaces, false],
    ['for the cluster is about nodes', { ...any, scope: 'Cluster' }, node, true],
    ['for the cluster is about namespaces', { ...any, scope: 'Cluster' }, namespaces, true],
    ['for the cluster is not about pods', { ...any, scope: 'Cluster' }, {}, false],
    ['for names is about those', { ...any, resourceNames: ['a'] }, {}, true],
    ['for names is not about others', { ...any, resourceNames: ['b'] }, {}, false],
  ])('%s', (_, rule, asked, matches) => {
    expect(matched(rule, asked) !== undefined).toBe(matches);
  });

  test('for one version is about its equivalents, under its own name', () => {
    const rule = { ...any, apiGroups: [''], apiVersions: ['v1'], resources: ['events'] };
    const asked = { path: 'events.k8s.io/v1/events' };
    expect(matched(rule, asked)).toBeUndefined();
    expect(matched(rule, asked, 'Equivalent')).toBe('/v1/events');
  });
});
