/** What a hostile container can do to the machine: nothing. Its own root, though, is as real as it expects. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMounts } from '../../linux/mount/mount-table.ts';
import { createNetns, deleteNetns } from '../../linux/netns/netns.ts';
import type { SandboxSpec } from './launcher.ts';
import { defaultCapabilities, type LauncherFixture, launcherFixture } from './launcher-fixture.ts';

let lab: LauncherFixture;
let netns: string;
beforeAll(async () => {
  lab = await launcherFixture();
  netns = join(lab.directory, 'pod');
  createNetns(netns);
});
afterAll(async () => {
  deleteNetns(netns);
  await lab.stop();
});

let runs = 0;
async function inside(script: string, more: Partial<SandboxSpec> = {}, timeoutMs = 60_000) {
  const spec = { ...lab.container(`c${++runs}`, ['sh', '-c', script], more), netns };
  return lab.client.run(spec, { timeoutMs });
}

/** What of the machine a container may be after, as far as nothing else on a busy machine changes it meanwhile. */
function machine() {
  const sysctl = (name: string) => readFileSync(`/proc/sys/${name}`, 'utf8');
  return {
    hostname: hostname(),
    devNull: statSync('/dev/null').mode,
    tmp: statSync('/tmp').mode,
    ttl: sysctl('net/ipv4/ip_default_ttl'),
    corePattern: sysctl('kernel/core_pattern'),
  };
}

/** Programs and services beside this test make and remove files and mounts; what was there and is gone tells. */
function belongings() {
  return {
    root: readdirSync('/'),
    etc: readdirSync('/etc').filter((name) => !name.startsWith('.')),
    bin: readdirSync('/usr/bin'),
    mounts: readMounts()
      .map(({ target }) => target)
      .filter((target) => /^\/(proc|sys|dev)(\/|$)|^\/$/.test(target)),
  };
}

describe('a hostile container', () => {
  const everything = [...defaultCapabilities, 'NET_ADMIN', 'IPC_LOCK'];

  it.each([
    ['removes what it sees', 'rm -rf /etc /var /root /home /usr/bin /bin /dev /run /tmp 2>/dev/null; true'],
    ['takes the permissions of what it sees', 'chmod -R 000 /dev /etc /tmp /sys /proc/sys 2>/dev/null; true'],
    ['kills everyone', 'kill -9 -1; sleep 0.1'],
    [
      'writes sysctls',
      'sysctl -w net.ipv4.ip_default_ttl=1 kernel.core_pattern=x; echo 1 >/proc/sys/vm/drop_caches',
    ],
    ['names itself', 'hostname evil'],
    [
      'writes to kernel files',
      'echo b >/proc/sysrq-trigger; echo x >/sys/power/state; echo 1 >/sys/kernel/x',
    ],
    ['restarts the machine', 'reboot -f; busybox poweroff -f; kill -INT 1'],
  ])('%s: the machine is as before', async (_, script) => {
    const [before, had] = [machine(), belongings()];
    await inside(script, { capabilities: everything });
    expect(machine()).toEqual(before);
    const has = belongings();
    const lost = Object.entries(had).flatMap(([kind, names]) =>
      names.filter((name) => !has[kind as keyof typeof has].includes(name)).map((name) => `${kind} ${name}`),
    );
    expect(lost).toEqual([]);
  });

  it.each([
    ['mounts', 'mount -t tmpfs x /mnt'],
    ['unmounts', 'umount /proc/sys'],
    ['remounts', 'mount -o remount,rw /sys'],
    ['makes a device', 'mknod /tmp/sda b 254 0'],
    ['writes a sysctl', 'echo 1 > /proc/sys/net/ipv4/ip_forward'],
    ['reads the kernel log', 'dmesg'],
    ['makes a user namespace', 'unshare --user --map-root-user true'],
    ['makes a mount namespace', 'unshare --mount true'],
    ['joins a namespace', 'nsenter --target 1 --net true'],
    ['sets the clock', 'date -s 2001-01-01'],
    ['loads a module', 'modprobe dummy || insmod /x'],
    [
      'uses a keyring',
      'keyctl show || python3 -c "import ctypes,sys; sys.exit(ctypes.CDLL(None).syscall(250,0,0)<0)"',
    ],
    ['looks for disks', 'ls /dev/vda /dev/sda /dev/mem /dev/kmsg'],
    ['makes an overlay', 'busybox mount -t overlay o -o lowerdir=/etc /mnt'],
    [
      'becomes more by a set-user-ID file',
      'cp /usr/bin/id /tmp/i; chmod 4755 /tmp/i; setpriv --reuid 1000 /tmp/i | grep euid=0',
    ],
  ])('%s: it cannot', async (_, script) => {
    const { code } = await inside(script, {
      capabilities: [...everything, 'SYS_ADMIN', 'MKNOD', 'SYS_MODULE'],
    });
    expect(code).not.toBe(0);
  });

  it('is told of the capabilities that it does not get', async () => {
    const spec = lab.container('refused', ['sleep', '100'], {
      capabilities: ['CHOWN', 'SYS_ADMIN', 'BPF', 'NONE'],
    });
    expect((await lab.client.start(spec)).dropped).toEqual(['SYS_ADMIN', 'BPF', 'NONE']);
    await lab.client.signal('refused', 9);
  });

  it('sees no process, no file, no socket of the machine, and no more of its network', async () => {
    const server = createServer().listen('\0tendril-launcher-test');
    try {
      const { stdout } = await inside(
        'ls /proc | grep -c "^[0-9]"; ls /work /farm /home /root 2>/dev/null | grep -v : | wc -w; cat /etc/shadow 2>&1 | grep -c "No such"; ls /sys/class/net; grep -c tendril /proc/net/unix; ls /sys/fs/cgroup | wc -l',
      );
      expect(stdout).toMatch(/^[234]\n0\n1\nlo\n0\n0\n$/);
    } finally {
      server.close();
    }
  });

  it('cannot lead a mount or a volume out of its volume', async () => {
    const volume = join(lab.directory, 'volume');
    mkdirSync(volume);
    symlinkSync('/etc', join(volume, 'out'));
    const own = join(lab.directory, 'own');
    mkdirSync(own);
    const at = (mounts: SandboxSpec['mounts']) => inside('ls -la /v/out/made', { mounts });
    const volumeMount = { source: volume, target: '/v', readOnly: false };
    const nested = await at([volumeMount, { source: own, target: '/v/out/made', readOnly: false }]);
    expect(nested.code).toBe(0);
    expect(readdirSync('/etc')).not.toContain('made');
    const escaping = { source: join(volume, 'out'), target: '/w', readOnly: false, within: volume };
    await expect(at([escaping])).rejects.toThrow(/mount: .*EXDEV/);
  });

  it('gets no code run on the machine by its environment', async () => {
    const spec = lab.container('preload', ['true']);
    spec.env = { ...spec.env, LD_PRELOAD: join(lab.directory, 'nonesuch.so'), LD_DEBUG: 'files' };
    expect((await lab.client.run(spec, { timeoutMs: 30_000 })).code).toBe(0);
  });
});

describe('a container', () => {
  it('is PID 1, with its hostname, user, groups and capabilities', async () => {
    const { stdout } = await inside(
      'echo $$; hostname; id -u; id -g; id -G; grep -E "Cap(Eff|Bnd|Amb)" /proc/1/status',
      {
        hostname: 'web-0',
        uid: 1000,
        gid: 2000,
        supplementalGroups: [3000],
        capabilities: ['NET_BIND_SERVICE'],
      },
    );
    const capabilities = [
      'CapEff:\t0000000000000000',
      'CapBnd:\t0000000000000400',
      'CapAmb:\t0000000000000000',
    ];
    expect(stdout.split('\n')).toEqual(['1', 'web-0', '1000', '2000', '2000 3000', ...capabilities, '']);
  });

  it('writes where it likes, and to nothing where its root is read-only', async () => {
    const script = 'echo a >/a && echo b >/usr/share/b && echo c >/etc/c && cat /a /usr/share/b /etc/c';
    expect((await inside(script)).stdout).toBe('a\nb\nc\n');
    const readOnly = await inside(
      'touch /a || touch /usr/b || touch /tmp/c || echo none; echo x >/dev/null; touch /v/d',
      {
        readOnlyRoot: true,
        mounts: [{ source: lab.directory, target: '/v', readOnly: false }],
      },
    );
    expect([readOnly.code, readOnly.stdout]).toEqual([0, 'none\n']);
  });

  it('has its volumes: files, directories, read-only ones', async () => {
    const file = join(lab.directory, 'hosts');
    writeFileSync(file, '10.0.0.1 web\n');
    chmodSync(file, 0o644);
    const mounts = [
      { source: file, target: '/etc/hosts', readOnly: true },
      { source: lab.directory, target: '/usr/share/nginx/html', readOnly: true },
    ];
    const { stdout } = await inside('cat /etc/hosts; touch /usr/share/nginx/html/x 2>/dev/null || echo ro', {
      mounts,
    });
    expect(stdout).toBe('10.0.0.1 web\nro\n');
  });

  it('has the tools of the machine, certificates and names among them', async () => {
    const script =
      'getent services https | head -c5; curl -V | head -c4; ls /etc/ssl/certs | grep -c crt; busybox true';
    const { code, stdout } = await inside(script);
    expect([code, stdout.slice(0, 9)]).toEqual([0, 'httpscurl']);
  });

  it('ends whole when its PID 1 ends', async () => {
    await lab.client.start(lab.container('whole', ['sh', '-c', 'sleep 4711 & sleep 4711']));
    const count = () =>
      execFileSync('sh', ['-c', 'ps ax | grep -c "[s]leep 4711" || true']).toString().trim();
    expect(Number(count())).toBeGreaterThan(0);
    const ended = new Promise((done) => lab.client.onExit(({ id, code }) => id === 'whole' && done(code)));
    await lab.client.signal('whole', 9);
    expect(await ended).toBe(137);
    expect(count()).toBe('0');
  });

  it('shares the processes of another where its pod wants it', async () => {
    await lab.client.start(lab.container('first', ['sleep', '4712']));
    const spec = lab.container('second', ['ps', 'ax'], { pidNamespaceOf: 'first' });
    const { stdout } = await lab.client.run(spec, { timeoutMs: 30_000 });
    expect(stdout).toMatch(/ 1 .*sleep 4712/);
    await lab.client.signal('first', 9);
  });

  it('runs commands inside, with its confinement', async () => {
    await lab.client.start(lab.container('probed', ['sleep', '4713'], { uid: 7 }));
    const script =
      'id -u; ps ax | grep -c "[s]leep 4713"; grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status; exit 3';
    const result = await lab.client.exec('probed', ['sh', '-c', script], { timeoutMs: 30_000 });
    expect(result).toEqual({ code: 3, stdout: '7\n1\nNoNewPrivs:\t1\nSeccomp:\t2\n', stderr: '' });
    expect((await lab.client.exec('probed', ['sleep', '9'], { timeoutMs: 50 })).code).toBe(137);
    await expect(lab.client.exec('probed', ['nonesuch'], { timeoutMs: 50 })).rejects.toThrow(
      /exec: nonesuch: ENOENT/,
    );
    await lab.client.signal('probed', 9);
  });
});
