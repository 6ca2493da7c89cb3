/** Whole applications, by the manifests they are published with: Google's Online Boutique, and the shop of examples/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Node, Service } from '../../src/kube/types.ts';
import { hostText } from '../../src/lab/server/host-text.ts';
import { expectSameHost, type HostSnapshot, hostSnapshot } from './support/host.ts';
import { must, root } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';

const caller = `
---
apiVersion: v1
kind: Pod
metadata: {name: caller}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: tools, image: nicolaka/netshoot, command: [sleep, infinity]}]
`;

/** For each URL whose pod answers: the name of its Deployment. */
async function answering(lab: TestCluster, where: string[], urls: readonly string[]): Promise<string[]> {
  const script = 'for url; do curl -s -m 5 "$url" | tr -d "\\n"; echo; done';
  const lines = (await lab.exec(where, 'sh', '-c', script, 'sh', ...urls)).trimEnd().split('\n');
  return lines.map((line) => /"pod": *"([^"]+)-[a-z0-9]+-[a-z0-9]+"/.exec(line)?.[1] ?? `no pod: ${line}`);
}

describe.each([
  {
    application: 'Online Boutique',
    file: 'tests/vendor/online-boutique/kubernetes-manifests.yaml',
    deployments: 12,
    services: 12,
    exposed: 'frontend-external',
  },
  { application: 'the shop', file: 'examples/shop.yaml', deployments: 5, services: 4, exposed: 'storefront' },
])('$application', ({ file, deployments, services, exposed }) => {
  let before: HostSnapshot;
  let lab: TestCluster;
  beforeAll(async () => {
    if (!onRealCluster) before = hostSnapshot();
    const manifest = readFileSync(join(root, file), 'utf8') + caller;
    lab = await bringUp({ manifest, args: ['--nodes', '2', '--fast-probes'] });
  });
  afterAll(() => lab?.down());

  const kubectl = (...args: string[]) => must(lab.kubectl(...args));
  const listed = async <T>(kind: string): Promise<T[]> =>
    (JSON.parse(await kubectl('get', kind, '-o', 'json')) as { items: T[] }).items;
  /** All but the API server's own. */
  const servicesOf = async () =>
    (await listed<Service>('services')).filter(({ spec }) => spec?.selector !== undefined);
  const appOf = ({ spec }: Service) => spec!.selector!.app!;
  const urlAt = (host: string, { spec }: Service) => `http://${host}:${spec!.ports![0]!.port}/`;

  test('every Deployment is Available', async () => {
    const waited = await kubectl(
      'wait',
      '--for=condition=Available',
      'deployments',
      '--all',
      '--timeout=50s',
    );
    expect(waited.match(/condition met/g)).toHaveLength(deployments);
  });

  test('every Service answers a pod by its name', async () => {
    const all = await servicesOf();
    expect(all).toHaveLength(services);
    const urls = all.map((service) => urlAt(service.metadata.name, service));
    expect(await answering(lab, ['caller'], urls)).toEqual(all.map(appOf));
  });

  test('in both families, patched to dual stack: by address from a pod, by NodePort from outside', async () => {
    for (const { metadata } of await servicesOf())
      await kubectl(
        'patch',
        'service',
        metadata.name,
        '-p',
        '{"spec":{"ipFamilyPolicy":"RequireDualStack"}}',
      );
    const all = (await servicesOf()).filter(({ spec }) => spec!.clusterIP !== 'None');
    const byAddress = all.flatMap((service) =>
      service.spec!.clusterIPs!.map((ip) => ({ app: appOf(service), url: urlAt(hostText(ip), service) })),
    );
    expect(byAddress).toHaveLength(2 * all.length);
    const front = all.find(({ metadata }) => metadata.name === exposed)!;
    const { nodePort } = front.spec!.ports![0]!;
    const nodes = (await listed<Node>('nodes'))
      .filter(({ metadata }) => lab.nodes.includes(metadata.name))
      .flatMap(({ status }) => status!.addresses!.filter(({ type }) => type === 'InternalIP'))
      .map(({ address }) => address);
    expect(nodes).toHaveLength(4);
    const byNodePort = nodes.map((ip) => ({ app: appOf(front), url: `http://${hostText(ip)}:${nodePort}/` }));

    for (const [where, calls] of [
      ['caller', byAddress],
      ['--outside', byNodePort],
    ] as const) {
      const urls = calls.map(({ url }) => url);
      const answers = expect.poll(() => answering(lab, [where], urls), { timeout: 30_000 });
      await answers.toEqual(calls.map(({ app }) => app));
    }
  });

  test('down leaves the machine as it was', async ({ skip }) => {
    skip(onRealCluster, 'the cluster stays');
    await lab.down();
    await expectSameHost(before);
  });
});
