import { describe, expect, test } from 'vitest';
import {
  container,
  deploymentOf,
  inDefault,
  mergePatch,
  podOf,
  strategicMergePatch,
  useTestServer,
} from '../../test-server.ts';

const { call } = useTestServer();
const path = `${inDefault}/pods/x/ephemeralcontainers`;
const create = () =>
  call(
    'POST',
    `${inDefault}/pods`,
    podOf('x', { containers: [{ ...container, resources: { limits: { cpu: '1' } } }] }),
  );
const add = (...ephemeralContainers: object[]) =>
  call('PATCH', path, { spec: { ephemeralContainers } }, strategicMergePatch);
const debug = { name: 'debug', image: 'busybox:1', targetContainerName: 'c', stdin: true, tty: true };

test('are added one after the other, with their defaults', async () => {
  const made = await create();
  const first = await add(debug);
  expect(first).toMatchObject({
    code: 200,
    kind: 'Pod',
    metadata: { generation: made.metadata.generation + 1 },
    spec: {
      ephemeralContainers: [
        { ...debug, imagePullPolicy: 'IfNotPresent', terminationMessagePath: '/dev/termination-log' },
      ],
    },
  });
  const second = await add({ name: 'more', image: 'busybox:1' });
  expect(second.spec.ephemeralContainers.map(({ name }: { name: string }) => name).sort()).toEqual([
    'debug',
    'more',
  ]);
  expect(await call('GET', path)).toMatchObject({ kind: 'Pod', metadata: { name: 'x' } });
});

test('are all that is written', async () => {
  const made = await create();
  const wish = {
    ...made,
    metadata: { ...made.metadata, labels: { a: 'b' } },
    spec: { ...made.spec, ephemeralContainers: [debug], nodeName: 'elsewhere' },
  };
  const put = await call('PUT', path, wish);
  expect(put).toMatchObject({ code: 200, spec: { ephemeralContainers: [{ name: 'debug' }] } });
  expect(put.spec).not.toHaveProperty('nodeName');
  expect(put.metadata).not.toHaveProperty('labels');
});

describe('are refused', () => {
  test.each<[string, object, string]>([
    [
      'with another container’s name',
      { ...debug, name: 'c' },
      'spec.ephemeralContainers[0].name: Duplicate value: "c"',
    ],
    ['without an image', { name: 'debug' }, 'spec.ephemeralContainers[0].image: Required value'],
    [
      'with a target that there is not',
      { ...debug, targetContainerName: 'd' },
      'spec.ephemeralContainers[0].targetContainerName: Not found: "d"',
    ],
    [
      'with ports',
      { ...debug, ports: [{ containerPort: 80 }] },
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    ],
    ['with probes', { ...debug, livenessProbe: { exec: { command: ['true'] } } }, 'livenessProbe: Forbidden'],
  ])('%s', async (_, wanted, message) => {
    await create();
    expect(await add(wanted)).toMatchObject({ code: 422, message: expect.stringContaining(message) });
  });

  test('where they change or go', async () => {
    await create();
    await add(debug);
    const set = (...list: object[]) =>
      call('PATCH', path, { spec: { ephemeralContainers: list } }, mergePatch);
    expect((await set({ ...debug, image: 'other' })).message).toContain(
      'existing ephemeral containers "debug" may not be changed',
    );
    expect((await set()).message).toContain('existing ephemeral containers "debug" may not be removed');
  });

  test('in any other way', async () => {
    const spec = { containers: [container], ephemeralContainers: [debug] };
    expect(await call('POST', `${inDefault}/pods`, podOf('y', spec))).toMatchObject({
      code: 422,
      message: expect.stringContaining('cannot be set on create'),
    });
    await create();
    expect(
      await call('PATCH', `${inDefault}/pods/x`, { spec: { ephemeralContainers: [debug] } }, mergePatch),
    ).toMatchObject({ code: 422 });
    const template = { metadata: { labels: { a: 'b' } }, spec };
    const deployment = await call(
      'POST',
      '/apis/apps/v1/namespaces/default/deployments',
      deploymentOf('d', { template }),
    );
    expect(deployment.message).toContain('ephemeral containers not allowed in pod template');
  });
});

test('other subresources of that name are none', async () => {
  await call('POST', `${inDefault}/configmaps`, { metadata: { name: 'x' } });
  expect(await call('GET', `${inDefault}/configmaps/x/ephemeralcontainers`)).toMatchObject({ code: 404 });
});
