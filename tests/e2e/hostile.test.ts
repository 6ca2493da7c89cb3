import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expectSameHost, hostSnapshot } from './support/host.ts';
import { bringUp } from './support/lab.ts';
import { must } from './support/tendril.ts';

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

// Deleting every file of a root takes its time on a busy machine.
test('a container with every privilege cannot reach the machine', { timeout: 240_000 }, async () => {
  writeFileSync(canary, 'untouched');
  try {
    const before = { files: machine(), host: hostSnapshot() };
    const manifest = Object.entries(attacks)
      .flatMap(([name, script]) => [pod(name, script, false), pod(`${name}-on-node`, script, true)])
      .join('');
    {
      await using lab = await bringUp({ manifest, args: ['--nodes', '2', '--no-wait'] });
      const names = Object.keys(attacks).flatMap((name) => [name, `${name}-on-node`]);
      await must(
        lab.kubectl(
          'wait',
          '--for=jsonpath={.status.containerStatuses[0].state.terminated}',
          '--timeout=150s',
          ...names.map((name) => `pod/${name}`),
        ),
      );
      expect(machine()).toEqual(before.files);
    }
    expect(existsSync(canary)).toBe(true);
    await expectSameHost(before.host);
  } finally {
    rmSync(canary, { force: true });
  }
});
