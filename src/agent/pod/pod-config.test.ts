import { describe, expect, it, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import { askServers, candidateServers, serverOf } from './api-servers.ts';
import { type PodSituation, planPodConfig } from './pod-config.ts';
import { parsePodSettings } from './settings.ts';

const situation = (changes: Partial<PodSituation> = {}): PodSituation => ({
  learned: { nodeName: 'n1', internalIps: ['10.90.0.11'], serviceCidrs: ['10.96.0.0/16', 'fd96::/112'] },
  apiServers: ['https://other:6443'],
  settings: {},
  links: [
    { index: 1, name: 'lo' },
    { index: 7, name: 'ens3' },
  ] as unknown as PodSituation['links'],
  addresses: [
    { link: 1, ip: parseIp('127.0.0.1'), prefix: 8 },
    { link: 7, ip: parseIp('10.90.0.11'), prefix: 24 },
  ],
  objectsDirectory: '/opt/tendril/dist/bpf',
  cgroup: '/sys/fs/cgroup',
  ...changes,
});

describe("a node's configuration", () => {
  it('has the interface of the InternalIP, the cluster’s Service CIDRs and its other API servers', () => {
    expect(planPodConfig(situation())).toMatchObject({
      nodeName: 'n1',
      uplink: 'ens3',
      serviceCidrs: ['10.96.0.0/16', 'fd96::/112'],
      cniBinDirectory: '/opt/cni/bin',
      apiServers: ['https://other:6443'],
    });
  });

  it('has what the settings say instead', () => {
    const settings = { uplink: 'bond0', serviceCidrs: ['10.0.0.0/16'], healthzPort: 1234 };
    expect(planPodConfig(situation({ settings }))).toMatchObject(settings);
  });

  it('is refused where no interface has the InternalIP, or no Service CIDR is known', () => {
    expect(() => planPodConfig(situation({ addresses: [] }))).toThrow('no interface has the InternalIP');
    const learned = { ...situation().learned, serviceCidrs: [] };
    expect(() => planPodConfig(situation({ learned }))).toThrow('does not tell its Service CIDRs');
  });
});

describe('settings', () => {
  test('that nobody reads are named, with those there are', () => {
    expect(() => parsePodSettings('{"uplnk":"eth0"}')).toThrow('uplnk, which nobody reads');
    expect(() => parsePodSettings('[]')).toThrow('not an object');
    expect(() => parsePodSettings('{')).toThrow('no JSON');
    expect(() => parsePodSettings('{"apiServers":"https://x"}')).toThrow('no list of URLs');
    expect(parsePodSettings('{"apiServers":["https://x:6443"]}')).toEqual({ apiServers: ['https://x:6443'] });
  });
});

describe('API servers', () => {
  const environment = { KUBERNETES_SERVICE_HOST: 'fd96::1', KUBERNETES_SERVICE_PORT: '443' };
  const service = 'https://[fd96::1]:443';

  test('are those of the settings, else the kubelet’s and the last one; then the Service', () => {
    expect(candidateServers({ told: ['https://a'], kubelet: 'https://k', environment })).toEqual([
      'https://a',
      service,
    ]);
    const sources = { told: [], kubelet: 'https://k', remembered: 'https://k', environment: {} };
    expect(candidateServers(sources)).toEqual(['https://k']);
  });

  test.each([
    ['YAML', 'clusters:\n- cluster: { server: "https://k:6443" }\n', 'https://k:6443'],
    ['JSON', '{"clusters":[{"cluster":{"server":"https://k:6443"}}]}', 'https://k:6443'],
    ['half of one', '{"clusters":[{"cluster":', undefined],
    ['one without a cluster', 'kind: Config', undefined],
    ['one of another kind of server', '{"clusters":[{"cluster":{"server":"k:6443"}}]}', undefined],
    ['nothing', '', undefined],
  ])('are taken of a kubeconfig that is %s', async (_what, text, server) => {
    expect(await serverOf(text)).toBe(server);
  });

  test('are asked until one answers', async () => {
    const ask = async (server: string) => {
      if (server === 'https://b') return 'yes';
      throw new TendrilError('API_UNREACHABLE', 'no');
    };
    expect(await askServers(['https://a', 'https://b'], ask)).toEqual({ server: 'https://b', answer: 'yes' });
    await expect(askServers(['https://a'], ask)).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
  });

  test('that refuse are told before those that do not answer', async () => {
    const ask = async (server: string) => {
      throw new TendrilError(server === 'https://a' ? 'API' : 'API_UNREACHABLE', server);
    };
    await expect(askServers(['https://a', 'https://b'], ask)).rejects.toMatchObject({ code: 'API' });
  });
});
