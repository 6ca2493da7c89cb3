import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigMap, Pod, Secret, Volume } from '../../../kube/types.ts';
import { FakeNodeHost } from '../fake-node-host.ts';
import type { PayloadContext } from './payload.ts';
import { PodVolumes } from './pod-volumes.ts';

let root: string;
let volumes: PodVolumes;
let host: FakeNodeHost;
const configMaps = new Map<string, Record<string, string>>();

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'tendril-volumes-')));
  host = new FakeNodeHost();
  volumes = new PodVolumes({
    directory: at('pod/volumes'),
    hostPath: at('host'),
    claims: at('claims'),
    host,
    memory: 2 ** 30,
  });
  configMaps.clear();
});
afterEach(() => rm(root, { recursive: true, force: true }));

const at = (path: string) => join(root, path);

function podWith(
  volume: Omit<Volume, 'name'>,
  mount: object = {},
  spec: Partial<NonNullable<Pod['spec']>> = {},
): Pod {
  return {
    metadata: { name: 'web', namespace: 'shop', uid: 'u', labels: { b: '2', a: '1' } },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: 'app', volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] }],
      volumes: [{ name: 'v', ...volume }],
      ...spec,
    },
  } as unknown as Pod;
}

function context(pod: Pod): PayloadContext {
  return {
    config: {
      configMap: async (name) => {
        const data = configMaps.get(name);
        return data && ({ data } as unknown as ConfigMap);
      },
      secret: async (name) =>
        name === 'key'
          ? ({ data: { token: Buffer.from('s3cret').toString('base64') } } as unknown as Secret)
          : undefined,
    },
    fields: {
      pod,
      hostIps: ['172.20.0.11'],
      podIps: ['10.244.1.5'],
      allocatable: { cpu: '2', memory: '1Gi' },
    },
    token: async () => 'opaque',
  };
}

/** Where the container's one mount leads. */
async function mounted(pod: Pod, env: Record<string, string> = {}) {
  await volumes.prepare(pod, context(pod));
  const mounts = await volumes.mounts(pod, pod.spec!.containers[0]!, env);
  return mounts[0]!;
}

describe('volumes from the API', () => {
  test('a configMap is files that are read-only, behind one link', async () => {
    configMaps.set('page', { 'index.html': 'hello', 'a.txt': 'a' });
    const { source, readOnly } = await mounted(podWith({ configMap: { name: 'page' } }));
    expect(readOnly).toBe(true);
    expect(await readFile(join(source, 'index.html'), 'utf8')).toBe('hello');
    expect(await readlink(join(source, 'index.html'))).toBe('..data/index.html');
    expect((await stat(join(source, 'index.html'))).mode & 0o777).toBe(0o644);
  });

  test('a change replaces all files at once, and names that are gone vanish', async () => {
    configMaps.set('page', { one: '1', two: '2' });
    const pod = podWith({ configMap: { name: 'page' } });
    const { source } = await mounted(pod);
    const before = await readlink(join(source, '..data'));
    await volumes.refresh(pod, context(pod));
    expect(await readlink(join(source, '..data')), 'unchanged: not written').toBe(before);
    configMaps.set('page', { two: 'II', three: '3' });
    await volumes.refresh(pod, context(pod));
    expect((await readdir(source)).filter((name) => !name.startsWith('..')).sort()).toEqual(['three', 'two']);
    expect(await readFile(join(source, 'two'), 'utf8')).toBe('II');
    expect(await readdir(source)).not.toContain(before);
  });

  test('items choose keys, paths and modes', async () => {
    configMaps.set('page', { one: '1', two: '2' });
    const items = [{ key: 'one', path: 'sub/uno', mode: 0o400 }];
    const { source } = await mounted(podWith({ configMap: { name: 'page', items } }));
    expect(await readFile(join(source, 'sub/uno'), 'utf8')).toBe('1');
    expect((await stat(join(source, 'sub/uno'))).mode & 0o777).toBe(0o400);
    expect(await readdir(source)).not.toContain('two');
  });

  test('projected joins its sources', async () => {
    configMaps.set('page', { 'ca.crt': 'CA' });
    const sources = [
      { configMap: { name: 'page' } },
      { secret: { name: 'key', items: [{ key: 'token', path: 'secret' }] } },
      { serviceAccountToken: { path: 'token' } },
      { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ];
    const { source } = await mounted(podWith({ projected: { sources } }));
    const read = (name: string) => readFile(join(source, name), 'utf8');
    expect(await Promise.all(['ca.crt', 'secret', 'token', 'labels'].map(read))).toEqual([
      'CA',
      's3cret',
      'opaque',
      'a="1"\nb="2"',
    ]);
  });

  test.each<[string, Omit<Volume, 'name'>]>([
    ['configmap "none" not found', { configMap: { name: 'none' } }],
    ['secret "none" not found', { secret: { secretName: 'none' } }],
    ['non-existent config key: x', { secret: { secretName: 'key', items: [{ key: 'x', path: 'x' }] } }],
    ['not a relative path', { secret: { secretName: 'key', items: [{ key: 'token', path: '../../x' }] } }],
    ['volumes of type nfs do not exist in a lab', { nfs: { server: 'x', path: '/' } }],
    ['is not a Socket', { hostPath: { path: '/run/docker.sock', type: 'Socket' } }],
  ])('%s', async (message, volume) => {
    await expect(mounted(podWith(volume))).rejects.toThrow(message);
    await expect(mounted(podWith(volume))).rejects.toThrow('MountVolume.SetUp failed for volume "v"');
  });

  test('what is optional may be missing', async () => {
    const { source } = await mounted(podWith({ secret: { secretName: 'none', optional: true } }));
    expect((await readdir(source)).filter((name) => !name.startsWith('..'))).toEqual([]);
  });

  test('the service account volume is mounted unless declined', async () => {
    const pod = podWith({ emptyDir: {} }, {}, { automountServiceAccountToken: undefined });
    await volumes.prepare(pod, context(pod));
    const mounts = await volumes.mounts(pod, pod.spec!.containers[0]!, {});
    const mount = mounts.find((m) => m.target === '/var/run/secrets/kubernetes.io/serviceaccount');
    expect(await readFile(join(mount!.source, 'namespace'), 'utf8')).toBe('shop');
    expect(await readFile(join(mount!.source, 'token'), 'utf8')).toBe('opaque');
  });
});

describe('directories', () => {
  test('an emptyDir is open to all, and its group is the fsGroup', async () => {
    expect((await stat((await mounted(podWith({ emptyDir: {} }))).source)).mode & 0o7777).toBe(0o777);
    const gid = process.getgid!();
    const grouped = podWith({ emptyDir: { medium: 'Memory' } }, {}, { securityContext: { fsGroup: gid } });
    const { source, readOnly } = await mounted(grouped);
    expect(readOnly).toBe(false);
    expect((await stat(source)).mode & 0o7777).toBe(0o2777);
    expect((await stat(source)).gid).toBe(gid);
  });

  test("a claim outlives the pod, the pod's own volumes do not", async () => {
    const { source } = await mounted(podWith({ persistentVolumeClaim: { claimName: 'data' } }));
    await writeFile(join(source, 'row'), '1');
    await volumes.remove();
    expect(source).toBe(at('claims/shop/data'));
    expect(await readFile(join(source, 'row'), 'utf8')).toBe('1');
    await expect(stat(at('pod/volumes'))).rejects.toThrow('ENOENT');
  });

  test.each<[string, NonNullable<Volume['hostPath']>['type'], string]>([
    ['/var/log', undefined, 'directory'],
    ['/var/lib/x', 'DirectoryOrCreate', 'directory'],
    ['/etc/conf', 'FileOrCreate', 'file'],
    ['/../../../etc', undefined, 'directory'],
  ])("hostPath %s (%s) is a %s below the node's own directory", async (path, type, kind) => {
    const { source } = await mounted(podWith({ hostPath: { path, type } }));
    expect(source.startsWith(at('host/'))).toBe(true);
    expect((await stat(source)).isFile()).toBe(kind === 'file');
  });

  test.each(['../../secret', '/secret', 'a/../..', '..', 'a..b', ''])(
    'no claim is named %j',
    async (claimName) => {
      await mkdir(at('secret'));
      await expect(mounted(podWith({ persistentVolumeClaim: { claimName } }))).rejects.toThrow(
        'no claim has such a name',
      );
    },
  );

  test('a link to nothing has no file made where it leads to', async () => {
    await mkdir(at('host'));
    await mkdir(at('secret'));
    await symlink(at('secret/made'), at('host/evil'));
    const volume = { hostPath: { path: '/evil', type: 'FileOrCreate' } } as const;
    await expect(mounted(podWith(volume))).rejects.toThrow('is a link to nothing');
    expect(await readdir(at('secret'))).toEqual([]);
  });

  test('a link that a container left in a hostPath leads nowhere', async () => {
    await mkdir(at('host'));
    await mkdir(at('secret'));
    await symlink(at('secret'), at('host/evil'));
    await expect(mounted(podWith({ hostPath: { path: '/evil' } }))).rejects.toThrow(
      'leads out of its volume',
    );
    await expect(mounted(podWith({ hostPath: { path: '/evil/new' } }))).rejects.toThrow(
      'leads out of its volume',
    );
    await expect(stat(at('secret/new'))).rejects.toThrow('ENOENT');
  });
});

describe('an emptyDir in memory', () => {
  const resources = { limits: { memory: '64Mi' } };
  const containers = [{ name: 'app', volumeMounts: [{ name: 'v', mountPath: '/v' }], resources }];

  test.each<[string, object, object, number]>([
    ['its share of the node’s memory', {}, {}, 0.4 * 2 ** 30],
    ['its own limit', { sizeLimit: '8Mi' }, { containers }, 8 * 2 ** 20],
    ['the limit of its pod', { sizeLimit: '1Gi' }, { containers }, 64 * 2 ** 20],
    ['no more than that', { sizeLimit: '1Ti' }, {}, 0.4 * 2 ** 30],
  ])('holds %s', async (_what, emptyDir, spec, bytes) => {
    const pod = podWith({ emptyDir: { medium: 'Memory', ...emptyDir } }, {}, spec);
    const { source } = await mounted(pod);
    expect([...host.memory]).toEqual([[source, bytes]]);
  });

  test('is mounted once, and taken away with the pod', async () => {
    const pod = podWith({ emptyDir: { medium: 'Memory' } });
    await mounted(pod);
    host.mountMemory = () => Promise.reject(new Error('again'));
    await mounted(pod);
    await volumes.remove();
    expect(host.memory.size).toBe(0);
  });
});

describe('subPath', () => {
  test('is a directory of the volume, made when missing', async () => {
    const { source } = await mounted(podWith({ emptyDir: {} }, { subPath: 'a/b', readOnly: true }));
    expect(source).toBe(at('pod/volumes/v/a/b'));
  });

  test('of a configMap is one file of it', async () => {
    configMaps.set('page', { 'nginx.conf': 'x' });
    const { source } = await mounted(podWith({ configMap: { name: 'page' } }, { subPath: 'nginx.conf' }));
    expect(await readFile(source, 'utf8')).toBe('x');
  });

  test('subPathExpr sees the environment', async () => {
    const { source } = await mounted(podWith({ emptyDir: {} }, { subPathExpr: 'logs-$(POD)' }), {
      POD: 'web',
    });
    expect(source).toBe(at('pod/volumes/v/logs-web'));
  });

  test.each(['../x', 'a/../../x'])('%s is refused', async (subPath) => {
    await expect(mounted(podWith({ emptyDir: {} }, { subPath }))).rejects.toThrow('must not contain');
  });

  test('a link that a container left leads nowhere', async () => {
    const { source } = await mounted(podWith({ emptyDir: {} }));
    await symlink('/etc', join(source, 'evil'));
    await expect(mounted(podWith({ emptyDir: {} }, { subPath: 'evil' }))).rejects.toThrow(
      'leads out of its volume',
    );
  });
});
