import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expectSameHost, hostSnapshot } from './support/host.ts';
import { bringUp, type TestLab } from './support/lab.ts';
import { must } from './support/tendril.ts';
import { until } from './support/until.ts';

/** Each is run by root in a pod that asked for every privilege there is. */
const attacks: Record<string, string> = {
  files: 'rm -rf --no-preserve-root / /host/* /bin /etc 2>/dev/null; echo x > /host/tmp/tendril-canary',
  processes: 'kill -9 -1; kill -9 $(ls /host/proc) 2>/dev/null',
  mounts: 'mount -t tmpfs none /mnt; mount --bind / /mnt; umount -a; umount -l /',
  sysctls:
    'sysctl -w kernel.hostname=owned; echo 1 > /proc/sys/net/ipv4/ip_forward; echo b > /proc/sysrq-trigger; echo owned > /proc/sys/kernel/hostname',
  devices: 'mknod /tmp/mem c 1 1; mknod /tmp/disk b 8 0; dd if=/dev/zero of=/tmp/disk count=1',
  network:
    'ip link delete eth0; ip route flush table all; ip link add owned type veth; nft flush ruleset; iptables -F',
  cgroups:
    'for g in $(find /sys/fs/cgroup -name cgroup.kill); do echo 1 > $g; done; mkdir /sys/fs/cgroup/owned',
  namespaces:
    'nsenter -t 1 -m -n -p -- touch /tmp/tendril-canary; unshare -m true; hostname owned; reboot -f',
};

const pod = (name: string, script: string, hostNetwork: boolean) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  restartPolicy: Never
  hostPID: true
  hostIPC: true
  hostNetwork: ${hostNetwork}
  terminationGracePeriodSeconds: 0
  containers:
    - name: hostile
      image: nicolaka/netshoot
      securityContext: {privileged: true, runAsUser: 0, capabilities: {add: [ALL]}}
      command: [sh, -c, ${JSON.stringify(script)}]
      volumeMounts: [{name: root, mountPath: /host}, {name: etc, mountPath: /host-etc}]
  volumes:
    - {name: root, hostPath: {path: /}}
    - {name: etc, hostPath: {path: /etc}}
---`;

const digest = (path: string) => createHash('sha1').update(readFileSync(path)).digest('hex');
const machine = () => ({
  root: readdirSync('/').sort(),
  etc: readdirSync('/etc').sort(),
  passwd: digest('/etc/passwd'),
  shell: digest('/bin/sh'),
  canary: readFileSync(canary, 'utf8'),
});
const canary = '/tmp/tendril-canary';

/** What one of these does to its node's network would keep the others from starting. */
const rounds = [
  Object.keys(attacks).flatMap((name) => (name === 'network' ? [name] : [name, `${name}-on-node`])),
  ['network-on-node'],
];

const manifestOf = (name: string) => {
  const onNode = name.endsWith('-on-node');
  return pod(name, attacks[onNode ? name.slice(0, -'-on-node'.length) : name]!, onNode);
};

async function haveEnded(lab: TestLab, names: readonly string[]): Promise<boolean> {
  const { items } = JSON.parse(await must(lab.tendril(['get', 'pods', '-o', 'json'])));
  const ended = (items as PodState[])
    .filter(({ status }) => status.containerStatuses?.[0]?.state.terminated !== undefined)
    .map(({ metadata }) => metadata.name);
  return names.every((name) => ended.includes(name));
}

interface PodState {
  metadata: { name: string };
  status: { containerStatuses?: { state: { terminated?: object } }[] };
}

// Deleting every file of a root takes its time on a busy machine.
test('a container with every privilege cannot reach the machine', { timeout: 240_000 }, async () => {
  writeFileSync(canary, 'untouched');
  try {
    const before = { files: machine(), host: hostSnapshot() };
    {
      await using lab = await bringUp({ args: ['--nodes', '2'] });
      for (const names of rounds) {
        await must(lab.tendril(['apply', '-f', '-'], { stdin: names.map(manifestOf).join('') }));
        await until(`${names} have ended`, () => haveEnded(lab, names), 150_000);
      }
      expect(machine()).toEqual(before.files);
    }
    expect(existsSync(canary)).toBe(true);
    await expectSameHost(before.host);
  } finally {
    rmSync(canary, { force: true });
  }
});
