import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { agentCapabilities } from './agent-objects.ts';
import { imageName } from './image-name.ts';
import { deployObjects, renderManifest } from './manifest.ts';
import { defaultValues } from './values.ts';

const values = defaultValues(imageName(packageJson.version));
const text = renderManifest(values);

test('deploy/tendril.yaml is what the sources make: scripts/node scripts/deploy.ts', () => {
  expect(readFileSync(join(import.meta.dirname, '../../deploy/tendril.yaml'), 'utf8')).toBe(text);
});

test('each capability has its reason beside it', () => {
  for (const [capability, reason] of Object.entries(agentCapabilities))
    expect(text).toContain(`- ${capability} # ${reason}\n`);
});

test('no pod is privileged, and every container’s root is read-only', () => {
  expect(text).not.toContain('privileged: true');
  expect(text.match(/readOnlyRootFilesystem: true/g)).toHaveLength(3);
});

test('the agent does not see where a control plane has its keys', () => {
  const agent = deployObjects(values).find(
    (object) => 'spec' in object && 'updateStrategy' in (object.spec as object),
  );
  const { initContainers, containers } = (agent as { spec: { template: { spec: PodSpec } } }).spec.template
    .spec;
  const mounts = ([container]: PodSpec['containers']) => container!.volumeMounts.map(({ name }) => name);
  expect(mounts(initContainers)).toContain('kubelet');
  expect(mounts(containers)).not.toContain('kubelet');
});

type Container = { volumeMounts: { name: string }[] };
interface PodSpec {
  initContainers: Container[];
  containers: Container[];
}

test('no rule has a wildcard', () => {
  const roles = deployObjects(values).filter((object) => 'rules' in object);
  expect(roles).toHaveLength(4);
  expect(JSON.stringify(roles)).not.toContain('*');
});

test('what can be chosen reaches the objects', () => {
  const rendered = renderManifest({
    ...values,
    agent: { uplink: 'bond0', cniConfDirectory: '/var/cni/conf', cniBinDirectory: '/var/cni/bin' },
    cgroup: '/run/cgroup',
    kubeletConfig: '/var/lib/kubelet/kubeconfig',
    zone: 'my.zone',
  });
  // Its root is read-only: what is not mounted cannot be written.
  for (const path of ['/var/cni/conf', '/var/cni/bin'])
    for (const place of ['mountPath', 'path']) expect(rendered).toContain(` ${place}: ${path}\n`);
  for (const part of ['"uplink": "bond0"', 'path: /run/cgroup', 'path: /var/lib/kubelet\n', '- my.zone'])
    expect(rendered).toContain(part);
});
