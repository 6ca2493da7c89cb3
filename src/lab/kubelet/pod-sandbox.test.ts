import { expect, it } from 'vitest';
import type { Pod } from '../../kube/types.ts';
import { podAttachment } from './pod-sandbox.ts';

const attachment = (spec: object) =>
  podAttachment({ metadata: { namespace: 'shop', name: 'web', uid: 'u' }, spec } as unknown as Pod, '/netns');

it('names the pod by its sandbox, and has no capabilities where the pod asks for none', () => {
  expect(attachment({ containers: [{ ports: [{ containerPort: 80 }] }] })).toEqual({
    ...{ containerId: 'u', netns: '/netns', ifName: 'eth0' },
    ...{ podName: 'web', podNamespace: 'shop', podUid: 'u' },
  });
});

it('passes containers’ host ports, as kubelet and containerd do, and not those of init containers', () => {
  const ports = [
    { containerPort: 80, hostPort: 8080 },
    { containerPort: 53, hostPort: 53, protocol: 'UDP', hostIP: '10.9.0.1' },
  ];
  const initContainers = [{ ports: [{ containerPort: 90, hostPort: 9090 }] }];
  expect(attachment({ initContainers, containers: [{ ports }] }).capabilities).toEqual({
    portMappings: [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
      { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '10.9.0.1' },
    ],
  });
});
