import { describe, expect, test } from 'vitest';
import {
  container,
  deploymentOf,
  inDefault,
  mergePatch,
  podOf,
  serviceOf,
  strategicMergePatch,
  useTestServer,
} from '../test-server.ts';

const { call } = useTestServer();

describe('validation', () => {
  const wrong: [what: string, path: string, body: object, message: string][] = [
    [
      'a name',
      `${inDefault}/pods`,
      podOf('Upper'),
      'metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain',
    ],
    ['no containers', `${inDefault}/pods`, podOf('x', { containers: [] }), 'spec.containers: Required value'],
    [
      'a user that is root once it is cut to 32 bits',
      `${inDefault}/pods`,
      podOf('x', { containers: [{ ...container, securityContext: { runAsUser: 4294967296 } }] }),
      'spec.containers[0].securityContext.runAsUser: Invalid value: 4294967296: must be between 0 and 2147483647',
    ],
    [
      'a group below nothing',
      `${inDefault}/pods`,
      podOf('x', { securityContext: { supplementalGroups: [0, -1] } }),
      'spec.securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647',
    ],
    [
      'no image',
      `${inDefault}/pods`,
      podOf('x', { containers: [{ name: 'c' }] }),
      'spec.containers[0].image: Required value',
    ],
    [
      'twice one name',
      `${inDefault}/pods`,
      podOf('x', { containers: [container, container] }),
      'spec.containers[1].name: Duplicate value: "c"',
    ],
    [
      'a mount of nothing',
      `${inDefault}/pods`,
      podOf('x', { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'a label',
      `${inDefault}/pods`,
      podOf('x', {}, { labels: { a: '-' } }),
      'metadata.labels: Invalid value: "-"',
    ],
    [
      'a port',
      `${inDefault}/services`,
      serviceOf('x', { ports: [{ port: 70000 }] }),
      'spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      'ports without names',
      `${inDefault}/services`,
      serviceOf('x', { ports: [{ port: 1 }, { port: 2 }] }),
      'spec.ports[0].name: Required value',
    ],
    [
      'a Service name',
      `${inDefault}/services`,
      serviceOf('-x'),
      'a lowercase RFC 1123 label must consist of',
    ],
    [
      'a selector',
      '/apis/apps/v1/namespaces/default/deployments',
      deploymentOf('x', { selector: { matchLabels: { a: 'c' } } }),
      '`selector` does not match template `labels`',
    ],
    ['an unknown namespace', '/api/v1/namespaces/none/pods', podOf('x'), 'namespaces "none" not found'],
  ];

  test.each(wrong)('names the field: %s', async (_what, path, body, message) => {
    const answer = await call('POST', path, body);
    expect(answer).toMatchObject({ kind: 'Status', reason: expect.stringMatching(/Invalid|NotFound/) });
    expect(answer.message).toContain(message);
  });

  test('a wrong type is a bad request with its path', async () => {
    const answer = await call(
      'POST',
      '/apis/apps/v1/namespaces/default/deployments',
      deploymentOf('x', { replicas: 'three' }),
    );
    expect(answer).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(answer.message).toContain(
      'cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    );
  });

  test.each([
    ['Strict', 400, undefined],
    ['Warn', 201, ['unknown field "spec.replicass"']],
    ['Ignore', 201, []],
  ])('an unknown field with fieldValidation=%s', async (mode, code, warnings) => {
    const url = `/apis/apps/v1/namespaces/default/deployments?fieldValidation=${mode}`;
    const answer = await call('POST', url, deploymentOf('x', { replicass: 3 }));
    expect(answer).toMatchObject({ code });
    expect(answer.warnings).toEqual(warnings);
    if (code === 400)
      expect(answer.message).toContain('strict decoding error: unknown field "spec.replicass"');
  });

  test('what may not change is refused', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments';
    await call('POST', path, deploymentOf('web'));
    const body = { spec: { selector: { matchLabels: { c: 'd' } } } };
    const answer = await call('PATCH', `${path}/web`, body, mergePatch);
    expect(answer.message).toContain('spec.selector: Invalid value');
    await call('POST', `${inDefault}/pods`, podOf('x'));
    const wish = { spec: { restartPolicy: 'Never' } };
    const refused = await call('PATCH', `${inDefault}/pods/x`, wish, mergePatch);
    expect(refused.message).toContain('pod updates may not change fields other than');
    const image = { spec: { containers: [{ name: 'c', image: 'nginx:2' }] } };
    const changed = await call('PATCH', `${inDefault}/pods/x`, image, strategicMergePatch);
    expect(changed).toMatchObject({ code: 200, spec: { containers: [{ image: 'nginx:2' }] } });
  });
});
