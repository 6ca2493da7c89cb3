import { describe, expect, it } from 'vitest';
import type { DaemonSet, Deployment, EndpointSlice, Service } from '../kube/types.ts';
import { type DnsSituation, mergeFound, planDnsReplacement, readyServers } from './dns-plan.ts';

const labels = { 'k8s-app': 'kube-dns' };

const workload = (name: string, templateLabels: object, replicas?: number) =>
  ({
    metadata: { namespace: 'kube-system', name },
    spec: { replicas, template: { metadata: { labels: templateLabels } } },
  }) as unknown as Deployment & DaemonSet;

const situation = (changes: Partial<DnsSituation> = {}): DnsSituation => ({
  service: { spec: { selector: labels } } as unknown as Service,
  deployments: [workload('coredns', { ...labels, tier: 'x' }, 2), workload('other', { app: 'other' }, 1)],
  daemonSets: [],
  ...changes,
});

describe('who is relieved', () => {
  it('is every Deployment behind the Service, but not ours, and not one without replicas', () => {
    expect(planDnsReplacement(situation())).toEqual([
      { namespace: 'kube-system', name: 'coredns', replicas: 2 },
    ]);
    const idle = [workload('coredns', labels, 0)];
    const own = [workload('own', { ...labels, 'app.kubernetes.io/name': 'tendril' }, 1)];
    for (const deployments of [idle, own]) expect(planDnsReplacement(situation({ deployments }))).toEqual([]);
  });

  it('is nobody where there is no Service', () => {
    expect(planDnsReplacement(situation({ service: undefined }))).toEqual([]);
  });

  it('is still found where an earlier call was cut short with the Service narrowed to ours', () => {
    const selector = { ...labels, 'app.kubernetes.io/name': 'tendril' };
    const service = { spec: { selector } } as unknown as Service;
    expect(planDnsReplacement(situation({ service }))).toHaveLength(1);
  });

  it('is not a DaemonSet, which cannot be scaled: that is said', () => {
    expect(() => planDnsReplacement(situation({ daemonSets: [workload('dns', labels)] }))).toThrow(
      'the DaemonSet kube-system/dns answers cluster DNS',
    );
  });
});

it('a record keeps what an earlier one named, and takes what is so now', () => {
  const [a, b] = ['a', 'b'].map((name) => ({ namespace: 'n', name, replicas: 2 }));
  expect(mergeFound({ deployments: [a!, b!] }, [{ ...b!, replicas: 3 }])).toEqual({
    deployments: [a, { ...b, replicas: 3 }],
  });
  expect(mergeFound(undefined, [])).toEqual({ deployments: [] });
});

it('a Service leads to the pods of its endpoints that are ready, or do not say', () => {
  const endpoint = (name: string, ready?: boolean) => ({ conditions: { ready }, targetRef: { name } });
  const slices = [{ endpoints: [endpoint('a', true), endpoint('b', false)] }, { endpoints: [endpoint('c')] }];
  expect([...readyServers(slices as unknown as EndpointSlice[])]).toEqual(['a', 'c']);
});
