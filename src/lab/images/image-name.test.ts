import { expect, test } from 'vitest';
import { parseImageName } from './image-name.ts';

test.each([
  ['busybox', 'docker.io', 'busybox', undefined],
  ['busybox:1.36', 'docker.io', 'busybox', '1.36'],
  ['library/nginx', 'docker.io', 'nginx', undefined],
  ['docker.io/library/nginx:1', 'docker.io', 'nginx', '1'],
  ['index.docker.io/curlimages/curl', 'docker.io', 'curlimages/curl', undefined],
  ['registry.k8s.io/pause:3.10', 'registry.k8s.io', 'pause', '3.10'],
  ['localhost:5000/a/b:c', 'localhost:5000', 'a/b', 'c'],
  ['public.ecr.aws/docker/library/redis:7', 'public.ecr.aws', 'redis', '7'],
  ['nginx:1@sha256:abc', 'docker.io', 'nginx', '1'],
])('%s is %s %s', (reference, registry, repository, tag) => {
  expect(parseImageName(reference)).toMatchObject({ registry, repository, tag });
});
