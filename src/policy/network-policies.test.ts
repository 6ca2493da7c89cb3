/** What is in force when: for pods that come, while the API is away, and where the kernel refuses. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../kube/client/memory-store.ts';
import type { Namespace, NetworkPolicy, Pod } from '../kube/types.ts';
import { formatIp, parseIp } from '../net/ip.ts';
import { systemClock } from '../util/clock.ts';
import { TendrilError } from '../util/errors.ts';
import { silentLogger } from '../util/logger.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { NetworkPolicies } from './network-policies.ts';
import type { LocalPod } from './policy-calculator.ts';
import type { PodConnection, PolicyEngine } from './policy-engine.ts';
import type { PolicyState } from './policy-state.ts';
import { namespace, pod, policy } from './testing/objects.ts';

class FakeEngine implements PolicyEngine {
  readonly calls: string[] = [];
  readonly closed = new Set<string>();
  state: PolicyState | undefined;
  before: 'unknown' | 'none' | 'some' = 'unknown';
  failure: Error | undefined;

  known() {
    return this.before;
  }

  async sync(state: PolicyState, any: boolean): Promise<void> {
    if (this.failure) throw this.failure;
    this.calls.push(`sync ${[...state.pods.keys()].sort().join(' ')}`.trim());
    this.before = any ? 'some' : 'none';
    this.state = state;
  }

  close(ips: LocalPod['ips']): void {
    for (const ip of ips) this.closed.add(formatIp(ip));
    this.calls.push(`close ${ips.map(formatIp).join(' ')}`);
  }

  judges(ip: LocalPod['ips'][0]) {
    return this.closed.has(formatIp(ip)) || (this.state?.pods.has(formatIp(ip)) ?? false);
  }

  remember(connections: readonly PodConnection[]): void {
    this.calls.push(`remember ${connections.length}`);
  }

  async collect() {
    return { crowded: false };
  }

  status() {
    const pods = this.state?.pods.size ?? 0;
    return { pods, rules: 0, peers: 0, blocks: 0, flows: 0 };
  }
}

const web: LocalPod = { namespace: 'shop', name: 'web', uid: 'uid of shop/web', ips: [parseIp('10.0.0.1')] };
const deny = policy('shop/deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });

let engine: FakeEngine;
let stores: {
  policies: MemoryStore<NetworkPolicy>;
  namespaces: MemoryStore<Namespace>;
  pods: MemoryStore<Pod>;
};
let local: LocalPod[];
let get: ReturnType<typeof vi.fn>;
let enforced: number;
let connections: (of: LocalPod) => PodConnection[];
let network: NetworkPolicies;

function begin(): NetworkPolicies {
  network = new NetworkPolicies({
    ...stores,
    pods: () => stores.pods,
    client: { get: get as never },
    engine,
    localPods: () => local,
    connectionsOf: (of) => connections(of),
    onEnforced: () => void enforced++,
    metrics: new MetricRegistry(),
    clock: systemClock,
    logger: silentLogger,
  });
  return network;
}
function learn(policies: NetworkPolicy[] = [], pods: Pod[] = []): void {
  stores.namespaces.replace([namespace('shop'), namespace('other')]);
  stores.pods.replace(pods);
  stores.policies.replace(policies);
}

beforeEach(() => {
  engine = new FakeEngine();
  stores = { policies: new MemoryStore(), namespaces: new MemoryStore(), pods: new MemoryStore() };
  [local, enforced] = [[], 0];
  connections = () => [];
  get = vi.fn(async () => pod('shop/web', { ips: [] }));
});
afterEach(() => network?.stop());

describe('a pod that comes', () => {
  test('into a namespace without policies waits for nothing', async () => {
    learn([policy('other/deny', { podSelector: {} })]);
    local.push(web);
    await begin().admit(web);
    expect(engine.calls.filter((call) => call.startsWith('close'))).toEqual([]);
    expect(get).not.toHaveBeenCalled();
  });

  test('into one with policies is closed until they are in force, whether or not the watch knows it', async () => {
    learn([deny]);
    await begin().synced();
    local.push(web);
    await network.admit(web);
    expect(engine.calls.slice(-2)).toEqual(['close 10.0.0.1', 'sync 10.0.0.1']);
    expect(engine.state!.pods.get('10.0.0.1')).toMatchObject({ ingress: true, egress: true });
    expect(engine.state!.pods.get('10.0.0.1')!.subject).not.toBe(0n);
    expect(get).toHaveBeenCalledOnce();
  });

  test('is not asked for where the watch has it', async () => {
    learn([deny], [pod('shop/web')]);
    await begin().synced();
    local.push(web);
    await network.admit(web);
    expect(get).not.toHaveBeenCalled();
  });

  test('waits until policies are known', async () => {
    begin();
    local.push(web);
    const admitted = vi.fn();
    const done = network.admit(web).then(admitted);
    await new Promise((resolve) => setImmediate(resolve));
    expect(admitted).not.toHaveBeenCalled();
    learn([deny], [pod('shop/web')]);
    await done;
    expect(engine.calls.at(-1)).toBe('sync 10.0.0.1');
  });

  test('waits for nothing while the API is away and no policy was there when it was heard last', async () => {
    engine.before = 'none';
    await begin().admit(web);
    expect(engine.calls).toEqual([]);
  });

  test('is refused where the API does not say what it is', async () => {
    get.mockRejectedValue(new TendrilError('API_UNREACHABLE', 'nobody answers'));
    learn([deny]);
    await begin().synced();
    local.push(web);
    await expect(network.admit(web)).rejects.toMatchObject({
      code: 'POLICY_UNKNOWN',
      message: 'NetworkPolicies of shop/web are not in force',
      remedy: expect.stringContaining('tendril policy list'),
      cause: { code: 'API_UNREACHABLE' },
    });
  });
});

test('connections of a pod that runs are known before it is judged, once', async () => {
  const ends = { client: { ip: parseIp('10.0.0.9'), port: 4000 }, server: { ip: web.ips[0]!, port: 80 } };
  connections = () => [{ direction: 'ingress', ...ends }];
  local.push(web);
  learn([], [pod('shop/web')]);
  await begin().synced();
  stores.policies.set(deny);
  await vi.waitFor(() => expect(engine.calls.slice(-2)).toEqual(['remember 1', 'sync 10.0.0.1']));
  stores.policies.set(policy('shop/other', { podSelector: {} }));
  await vi.waitFor(() => expect(engine.calls.slice(-2)).toEqual(['sync 10.0.0.1', 'sync 10.0.0.1']));
});

test('a pod whose connections nobody can tell is judged all the same', async () => {
  connections = () => {
    throw new Error('its namespace is gone');
  };
  local.push(web);
  learn([deny], [pod('shop/web')]);
  await begin().synced();
  expect(engine.calls).toEqual(['sync 10.0.0.1']);
});

test('until the first list is there the kernel keeps what it has', async () => {
  begin();
  stores.namespaces.replace([]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(engine.calls).toEqual([]);
  expect(network.status()).toMatchObject({ enforced: false });
  learn();
  await network.synced();
  expect(engine.calls).toEqual(['sync']);
  expect(network.status()).toMatchObject({ enforced: true });
});

test('status follows what is in force, and names what is in the way', async () => {
  learn();
  await begin().synced();
  engine.failure = new TendrilError('MAP_FULL', 'policy_pods is full');
  stores.policies.set(deny);
  await vi.waitFor(() =>
    expect(network.status()).toMatchObject({ enforced: false, problem: 'policy_pods is full' }),
  );
  engine.failure = undefined;
  const { resourceVersion: revision } = deny.metadata;
  await vi.waitFor(() => expect(network.status()).toMatchObject({ enforced: true, revision }));
  expect(enforced).toBeGreaterThan(1);
});

test('who may talk to whom is known once policies are, on either side', async () => {
  const [other, dns] = [parseIp('10.0.0.2'), parseIp('10.0.0.3')];
  begin();
  expect(network.allows(web.ips[0]!, dns, 17, 53)).toBeUndefined();
  local.push(web, { namespace: 'other', name: 'dns', ips: [dns] });
  const open = policy('shop/dns', {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{ ports: [{ protocol: 'UDP', port: 53 }] }],
  });
  learn([deny, open], [pod('shop/web'), pod('other/dns')]);
  await network.synced();
  expect(network.allows(web.ips[0]!, dns, 17, 53)).toBe(true);
  expect(network.allows(web.ips[0]!, dns, 6, 53)).toBe(false);
  expect(network.allows(other, web.ips[0]!, 17, 53)).toBe(false);
  stores.policies.set(policy('other/deny', { podSelector: {}, policyTypes: ['Ingress'] }));
  await vi.waitFor(() => expect(network.allows(web.ips[0]!, dns, 17, 53)).toBe(false));
});
