import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cniDirectories, decodeStatus, directoriesOf } from './cri-status.ts';
import {
  foreignConflists,
  hasFirewalld,
  kubeProxyRules,
  removesForeignRoutes,
  unwritable,
} from './findings.ts';

let host: string;

beforeEach(() => {
  host = mkdtempSync(join(tmpdir(), 'tendril-host-'));
});
afterEach(() => rmSync(host, { recursive: true, force: true }));

function write(path: string, text = ''): void {
  mkdirSync(dirname(join(host, path)), { recursive: true });
  writeFileSync(join(host, path), text);
}

test('conflists of others are told in the order in which a runtime takes them', () => {
  write(
    'etc/cni/net.d/10-flannel.conflist',
    '{"name":"cbr0","plugins":[{"type":"flannel"},{"type":"portmap"}]}',
  );
  write('etc/cni/net.d/00-old.conf', '{"name":"old","type":"bridge"}');
  write('etc/cni/net.d/05-tendril.conflist', '{"name":"tendril"}');
  write('etc/cni/net.d/99-torn.json', '{');
  write('etc/cni/net.d/10-aside.conflist.tendril-aside', '{}');
  expect(foreignConflists(host, '/etc/cni/net.d')).toEqual([
    { file: '00-old.conf', name: 'old', types: ['bridge'] },
    { file: '10-flannel.conflist', name: 'cbr0', types: ['flannel', 'portmap'] },
    { file: '99-torn.json', name: '', types: [] },
  ]);
  expect(foreignConflists(host, '/none')).toEqual([]);
});

test('kube-proxy’s rules are known in each mode that nft lists; the kubelet’s own are not taken for them', () => {
  const rules = `table ip kube-proxy {\n}\ntable ip6 kube-proxy {\n}
table ip nat {\n\tchain KUBE-SERVICES {\n\t}\n\tchain KUBE-NODEPORTS {\n\t}\n}
table ip mangle {\n\tchain KUBE-IPTABLES-HINT {\n\t}\n\tchain KUBE-KUBELET-CANARY {\n\t}\n}
table ip filter {\n\tchain KUBE-FIREWALL {\n\t}\n}\n`;
  expect(kubeProxyRules(rules)).toEqual([
    'nftables table ip kube-proxy',
    'nftables table ip6 kube-proxy',
    'iptables table ip nat',
  ]);
  expect(hasFirewalld(rules)).toBe(false);
  expect(hasFirewalld('table inet firewalld {\n}\n')).toBe(true);
});

test('systemd-networkd removes routes where it runs and is not told otherwise', () => {
  expect(removesForeignRoutes(host)).toBe(false);
  write('run/systemd/netif/state');
  write('etc/systemd/networkd.conf', '[Network]\n#ManageForeignRoutes=no\n');
  expect(removesForeignRoutes(host)).toBe(true);
  write('etc/systemd/networkd.conf.d/10-keep.conf', '[Network]\nManageForeignRoutes = no\n');
  expect(removesForeignRoutes(host)).toBe(false);
});

test('a directory that is to be made is judged by the one above', () => {
  write('var/lib/there/file');
  expect(unwritable(host, ['/var/lib/there', '/var/lib/tendril'])).toEqual([]);
  chmodSync(join(host, 'var/lib'), 0o555);
  const expected = process.getuid!() === 0 ? [] : ['/var/lib/tendril'];
  expect(unwritable(host, ['/var/lib/there', '/var/lib/tendril'])).toEqual(expected);
  chmodSync(join(host, 'var/lib'), 0o755);
});

/** A length-delimited field. */
const field = (number: number, body: Buffer | string): Buffer => {
  const bytes = Buffer.from(body);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length), bytes]);
};
const statusOf = (config: string): Buffer =>
  Buffer.concat([
    field(1, Buffer.of(0x08, 0x01)),
    field(2, Buffer.concat([field(1, 'config'), field(2, config)])),
    field(2, Buffer.concat([field(1, 'golang'), field(2, 'go1.26')])),
  ]);
const config = JSON.stringify({
  cni: { binDirs: ['/opt/other/bin'], binDir: '', confDir: '/etc/other/net.d' },
  ...{ more: 'x'.repeat(100) },
});

describe('a container runtime', () => {
  test('says where it looks for CNI plugins', () => {
    expect(decodeStatus(statusOf(config))).toEqual({ config, golang: 'go1.26' });
    expect(directoriesOf({ config })).toEqual({ conf: '/etc/other/net.d', bin: '/opt/other/bin' });
    for (const text of ['{', '{}', '{"cni":{"confDir":"/a"}}'])
      expect(directoriesOf({ config: text })).toBeUndefined();
    expect(() => decodeStatus(Buffer.of(0x12, 0x7f, 0x00))).toThrow(RangeError);
  });

  test('is asked over its socket; without one the usual directories are taken', async () => {
    expect(await cniDirectories(host)).toEqual({ conf: '/etc/cni/net.d', bin: '/opt/cni/bin' });
    const path = join(host, 'run/containerd/containerd.sock');
    mkdirSync(dirname(path), { recursive: true });
    const message = statusOf(config);
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/grpc' });
      response.end(Buffer.concat([frame, message]));
    });
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    try {
      expect(await cniDirectories(host)).toEqual({
        ...{ conf: '/etc/other/net.d', bin: '/opt/other/bin' },
        toldBy: '/run/containerd/containerd.sock',
      });
    } finally {
      server.close();
    }
  });
});
