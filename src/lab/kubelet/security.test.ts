import { expect, test } from 'vitest';
import type { Container, Pod } from '../../kube/types.ts';
import { containerSecurity, defaultCapabilities } from './security.ts';
import { podSysctls } from './sysctls.ts';

type PodContext = NonNullable<NonNullable<Pod['spec']>['securityContext']>;

function security(own: Container['securityContext'] = {}, shared: PodContext = {}) {
  return containerSecurity({ metadata: {}, spec: { securityContext: shared } } as unknown as Pod, {
    name: 'app',
    securityContext: own,
  });
}

test.each<[string, Container['securityContext'], PodContext, object]>([
  [
    'nothing said: root with the default capabilities',
    {},
    {},
    { uid: 0, gid: 0, capabilities: [...defaultCapabilities] },
  ],
  [
    "the pod's user and groups",
    {},
    { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000, 2000] },
    { uid: 1000, gid: 3000, supplementalGroups: [4000, 2000] },
  ],
  ['the container before the pod', { runAsUser: 1 }, { runAsUser: 2 }, { uid: 1, gid: 0 }],
  ['non-root without a user', { runAsNonRoot: true }, {}, { uid: 65_532, gid: 65_532 }],
  [
    'drop ALL, add one',
    { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
    {},
    { capabilities: ['NET_BIND_SERVICE'] },
  ],
  [
    'drop one',
    { capabilities: { drop: ['CAP_NET_RAW'] } },
    {},
    { capabilities: defaultCapabilities.filter((c) => c !== 'NET_RAW') },
  ],
  [
    'beyond the lab',
    { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'NET_ADMIN'] } },
    {},
    { capabilities: ['NET_ADMIN'], refused: expect.stringContaining('SYS_ADMIN') },
  ],
  ['privileged', { privileged: true }, {}, { refused: expect.stringContaining('privileged') }],
  [
    'read-only, no escalation',
    { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
    {},
    { readOnlyRoot: true, noNewPrivileges: true },
  ],
])('%s', (_name, own, shared, expected) => {
  expect(security(own, shared)).toMatchObject(expected);
});

test('runAsNonRoot with user 0 is refused', () => {
  expect(() => security({ runAsUser: 0 }, { runAsNonRoot: true })).toThrow(
    'runAsUser breaks non-root policy',
  );
});

test.each<[string, boolean, string | undefined]>([
  ['net.ipv4.ip_unprivileged_port_start', false, undefined],
  ['net/core/somaxconn', false, undefined],
  ['kernel.shm_rmid_forced', false, undefined],
  ['kernel.panic', false, 'forbidden sysctl: "kernel.panic" not allowlisted'],
  [
    'net.ipv4.tcp_syncookies',
    true,
    'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  ],
  ['net.../../kernel.panic', false, expect.stringContaining('forbidden')],
])('sysctl %s, host network %s', (name, hostNetwork, forbidden) => {
  const spec = { hostNetwork, securityContext: { sysctls: [{ name, value: '1' }] } };
  expect(podSysctls({ metadata: {}, spec } as unknown as Pod).forbidden).toEqual(forbidden);
});
