/** Which images a manifest's stand-ins have on a real cluster, and what they listen on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseManifests } from '../../../src/cli/manifests/parser.ts';
import { planStandIns } from './stand-ins.ts';

const plan = (text: string) => planStandIns(parseManifests(text, 'test').map(({ object }) => object));

const workload = (kind: string, containers: string) =>
  `{apiVersion: apps/v1, kind: ${kind}, metadata: {name: a}, spec: {template: {metadata: {labels: {app: a}}, spec: {containers: ${containers}}}}}`;

describe('names are the runtime’s', () => {
  test.each([
    ['redis:alpine', 'docker.io/library/redis:alpine'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10'],
    ['httpd:2.4@sha256:abc', 'docker.io/library/httpd@sha256:abc'],
  ])('%s', (image, name) => {
    expect(plan(workload('Deployment', `[{name: c, image: '${image}'}]`)).map((each) => each.name)).toEqual([
      name,
    ]);
  });
});

test('an image listens where any of its containers does: declared, probed, or targeted by a Service', () => {
  const text = [
    workload(
      'Deployment',
      `[{name: c, image: one, ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]}]`,
    ),
    workload('DaemonSet', `[{name: c, image: one, readinessProbe: {grpc: {port: 7000}}}]`),
    '{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {app: a}, ports: [{port: 1, targetPort: 9000}]}}',
  ].join('\n---\n');
  expect(plan(text)).toEqual([
    { name: 'docker.io/library/one:latest', serves: { tcp: [80, 7000, 9000], udp: [53] } },
  ]);
});

test('a tool box runs what it is told to', () => {
  expect(plan(workload('Job', `[{name: c, image: busybox, command: [sleep, '1']}]`))).toEqual([
    { name: 'docker.io/library/busybox:latest', serves: 'tools' },
  ]);
});

test('Kubernetes’ test image is itself', () => {
  const name = 'registry.k8s.io/e2e-test-images/agnhost:2.53';
  expect(plan(workload('Job', `[{name: c, image: '${name}', args: [netexec]}]`))).toEqual([
    { name, serves: 'agnhost' },
  ]);
});

test('Online Boutique has a server for each of its programs, and a tool box', () => {
  const path = '../../vendor/online-boutique/kubernetes-manifests.yaml';
  const all = plan(readFileSync(join(import.meta.dirname, path), 'utf8'));
  expect(all).toHaveLength(13);
  expect(all.filter(({ serves }) => serves === 'tools')).toHaveLength(1);
  expect(all.find(({ name }) => name.includes('/cartservice:'))?.serves).toEqual({ tcp: [7070], udp: [] });
});
