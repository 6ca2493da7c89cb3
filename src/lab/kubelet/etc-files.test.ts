import { describe, expect, test } from 'vitest';
import type { Pod } from '../../kube/types.ts';
import { podHostname } from './hostname.ts';
import { hostsFile, nodeHostsFile } from './hosts-file.ts';
import { formatResolvConf, podResolvConf } from './resolv-conf.ts';

function pod(spec: Partial<NonNullable<Pod['spec']>>, name = 'web-0'): Pod {
  return { metadata: { name, namespace: 'shop' }, spec: { containers: [], ...spec } } as unknown as Pod;
}

describe('resolv.conf', () => {
  const settings = {
    clusterDns: ['10.96.0.10', 'fd00::a'],
    clusterDomain: 'cluster.local',
    node: { nameservers: ['172.20.0.2'], searches: ['lan'], options: ['timeout:1'] },
  };
  const cluster =
    'search shop.svc.cluster.local svc.cluster.local cluster.local lan\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5\n';
  const node = 'search lan\nnameserver 172.20.0.2\noptions timeout:1\n';

  test.each<[string, Partial<NonNullable<Pod['spec']>>, string]>([
    ['no policy', {}, cluster],
    ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }, cluster],
    ['ClusterFirst on the host network', { dnsPolicy: 'ClusterFirst', hostNetwork: true }, node],
    ['ClusterFirstWithHostNet', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, cluster],
    ['Default', { dnsPolicy: 'Default' }, node],
    [
      'None',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['x.y'] } },
      'search x.y\nnameserver 1.1.1.1\n',
    ],
    [
      'dnsConfig added, options replaced by name',
      {
        dnsConfig: {
          nameservers: ['1.1.1.1'],
          searches: ['x.y', 'lan'],
          options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
        },
      },
      'search shop.svc.cluster.local svc.cluster.local cluster.local lan x.y\nnameserver 10.96.0.10\nnameserver fd00::a\nnameserver 1.1.1.1\noptions ndots:2 edns0\n',
    ],
    [
      'never more than three servers',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
      'nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\n',
    ],
  ])('%s', (_name, spec, text) => {
    expect(formatResolvConf(podResolvConf(pod(spec), settings))).toBe(text);
  });
});

describe('host name', () => {
  const at = { clusterDomain: 'cluster.local', nodeName: 'node-1' };
  test.each<[Partial<NonNullable<Pod['spec']>>, object]>([
    [{}, { hostname: 'web-0' }],
    [{ hostname: 'db' }, { hostname: 'db' }],
    [{ hostNetwork: true }, { hostname: 'node-1' }],
    [{ subdomain: 'web' }, { hostname: 'web-0', fqdn: 'web-0.web.shop.svc.cluster.local' }],
    [
      { subdomain: 'web', setHostnameAsFQDN: true },
      { hostname: 'web-0.web.shop.svc.cluster.local', fqdn: 'web-0.web.shop.svc.cluster.local' },
    ],
    [{ hostnameOverride: 'x.example.org', subdomain: 'web' }, { hostname: 'x.example.org' }],
  ])('%o', (spec, expected) => {
    expect(podHostname(pod(spec), at)).toEqual(expected);
  });

  test('a long pod name is cut to 63 characters and ends in no dash', () => {
    expect(podHostname(pod({}, `${'a'.repeat(62)}-tail`), at).hostname).toBe('a'.repeat(62));
  });
});

describe('hosts', () => {
  const nodeHosts = nodeHostsFile({ name: 'node-1', ips: ['172.20.0.11'] });
  const standard =
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n' +
    'fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';

  test('a pod has its addresses and aliases', () => {
    const aliases = pod({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] });
    const name = { hostname: 'web-0' };
    expect(hostsFile({ pod: aliases, name, podIps: ['10.244.1.5', 'fd00::5'], nodeHosts })).toBe(
      `# Kubernetes-managed hosts file.\n${standard}10.244.1.5\tweb-0\nfd00::5\tweb-0\n` +
        '\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n',
    );
  });

  test("on the host network it is the node's file", () => {
    const text = hostsFile({
      pod: pod({ hostNetwork: true }),
      name: { hostname: 'node-1' },
      podIps: [],
      nodeHosts,
    });
    expect(text).toBe(`# Kubernetes-managed hosts file (host network).\n${standard}172.20.0.11\tnode-1\n`);
  });
});
