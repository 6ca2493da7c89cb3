import { describe, expect, test } from 'vitest';
import { inDefault, mergePatch, serviceOf, useTestServer } from '../test-server.ts';

const { call, createService } = useTestServer();

describe('addresses and node ports of Services', () => {
  const cases: [what: string, spec: object, expected: object][] = [
    ['one family by default', {}, { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }],
    ['both where preferred', { ipFamilyPolicy: 'PreferDualStack' }, { ipFamilies: ['IPv4', 'IPv6'] }],
    [
      'the other one',
      { ipFamilies: ['IPv6'] },
      { ipFamilies: ['IPv6'], clusterIP: expect.stringMatching(/^fd00::/) },
    ],
    ['a requested one', { clusterIP: '10.96.0.10' }, { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'] }],
    [
      'none when headless',
      { clusterIP: 'None', selector: { a: 'b' } },
      { clusterIPs: ['None'], ipFamilyPolicy: 'SingleStack' },
    ],
    [
      'headless without selector',
      { clusterIP: 'None' },
      { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' },
    ],
    [
      'a node port',
      { type: 'NodePort' },
      { ports: [{ nodePort: 30000, targetPort: 80 }], externalTrafficPolicy: 'Cluster' },
    ],
    [
      'a requested node port',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] },
      { ports: [{ nodePort: 30005 }] },
    ],
    [
      'a health check port',
      { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      { healthCheckNodePort: 30001 },
    ],
  ];
  test.each(cases)('%s', async (_what, spec, expected) => {
    expect(await createService('web', spec)).toMatchObject({ code: 201, spec: expected });
  });

  test.each([
    [{ clusterIP: '10.97.0.1' }, 'the provided network does not match the current range'],
    [{ clusterIP: '10.96.0.0' }, 'the provided IP (10.96.0.0) is not in the valid range'],
    [{ clusterIP: '10.96.0.255' }, 'the provided IP (10.96.0.255) is not in the valid range'],
    [{ clusterIP: '10.96.0.1' }, 'provided IP is already allocated'],
    [{ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }, 'The range of valid ports is 30000-30009'],
    [
      { ipFamilies: ['IPv4', 'IPv6'] },
      "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families",
    ],
    [{ type: 'ExternalName' }, 'spec.externalName: Required value'],
  ])('%j is refused', async (spec, message) => {
    const answer = await createService('web', spec);
    expect(answer).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(answer.message).toContain(message);
  });

  test('are free again after deletion and change of type, and kept by updates that leave them out', async () => {
    const made = await createService('web', { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] });
    const again = await call('PUT', `${inDefault}/services/web`, serviceOf('web', { type: 'NodePort' }));
    expect(again.spec).toMatchObject({ clusterIP: made.spec.clusterIP, ports: [{ nodePort: 30005 }] });
    await call('PATCH', `${inDefault}/services/web`, { spec: { type: 'ClusterIP' } }, mergePatch);
    expect(
      await createService('other', { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] }),
    ).toMatchObject({ code: 201 });
    await call('DELETE', `${inDefault}/services/web`);
    expect(await createService('third', { clusterIP: made.spec.clusterIP })).toMatchObject({ code: 201 });
  });

  test('a policy can be raised to two families and lowered again', async () => {
    const { spec } = await createService('web');
    const both = await call(
      'PATCH',
      `${inDefault}/services/web`,
      { spec: { ipFamilyPolicy: 'PreferDualStack' } },
      mergePatch,
    );
    expect(both.spec).toMatchObject({ clusterIPs: [spec.clusterIP, expect.stringMatching(/^fd00/)] });
    const one = await call(
      'PATCH',
      `${inDefault}/services/web`,
      { spec: { ipFamilyPolicy: 'SingleStack' } },
      mergePatch,
    );
    expect(one.spec.clusterIPs).toEqual([spec.clusterIP]);
  });

  test('a dry run takes nothing', async () => {
    const dry = await call(
      'POST',
      `${inDefault}/services?dryRun=All`,
      serviceOf('web', { clusterIP: '10.96.0.9' }),
    );
    expect(dry).toMatchObject({ code: 201 });
    expect(await call('GET', `${inDefault}/services/web`)).toMatchObject({ code: 404 });
    expect(await createService('other', { clusterIP: '10.96.0.9' })).toMatchObject({ code: 201 });
  });
});
