import { describe, expect, test } from 'vitest';
import { effectiveCommand, resolveImage } from './image-table.ts';

const options = {
  program: '/opt/tendril',
  hasCommand: (name: string) => name !== 'nginx' && name !== 'redis-server',
};

describe("the command is chosen by Kubernetes' rule", () => {
  const image = { entrypoint: ['entry'], cmd: ['default'] };
  test.each([
    ['neither', {}, ['entry', 'default']],
    ['args replace CMD', { args: ['a'] }, ['entry', 'a']],
    ['command replaces both', { command: ['c'] }, ['c']],
    ['command and args', { command: ['c'], args: ['a'] }, ['c', 'a']],
    ['empty lists are absent', { command: [], args: [] }, ['entry', 'default']],
  ])('%s', (_, own, argv) => {
    expect(effectiveCommand(image, own)).toEqual(argv);
  });
});

describe('an image runs here or is stood in for', () => {
  test.each([
    ['busybox:1.36', { command: ['sleep', '9'] }, false, ['sleep', '9']],
    ['docker.io/library/alpine', {}, false, ['sh']],
    ['registry.k8s.io/e2e-test-images/busybox:1.29-4', {}, false, ['sh']],
    ['ubuntu', { args: ['-c', 'true'] }, false, ['-c', 'true']],
    ['mlabbe/iperf3', { args: ['-s'] }, false, ['iperf3', '-s']],
    ['tendril/dns', { args: ['--x'] }, false, ['/tendril/bin/tendril', 'dns', '--x']],
    ['registry.k8s.io/e2e-test-images/agnhost:2.53', {}, false, ['/agnhost', 'pause']],
    ['mirror.example:5000/x/agnhost@sha256:00', { args: ['netexec'] }, false, ['/agnhost', 'netexec']],
    ['agnhost', { command: ['/agnhost-2', 'connect', 'a:1'] }, false, ['/agnhost-2', 'connect', 'a:1']],
    ['wbitt/network-multitool', { command: ['sh'] }, false, ['sh']],
    ['wbitt/network-multitool', {}, true, ['/tendril/standin']],
    ['nginx:1.27', {}, true, ['/tendril/standin']],
    ['bitnami/nginx', {}, true, ['/tendril/standin']],
    ['registry.k8s.io/pause:3.10', {}, true, ['/tendril/standin']],
    ['gcr.io/shop/cart@sha256:00', { command: ['/cart'] }, true, ['/tendril/standin']],
  ])('%s %j', (image, own, standIn, argv) => {
    expect(resolveImage(image, own, options)).toMatchObject({ standIn, argv });
  });

  test("curl's image takes options and commands, as its entrypoint does", () => {
    const { argv } = resolveImage('curlimages/curl', { args: ['-s', 'http://web'] }, options);
    expect(argv.slice(-3)).toEqual(['curl', '-s', 'http://web']);
  });

  test('the reason names the missing tool', () => {
    expect(resolveImage('redis:7', {}, options).reason).toBe('redis-server not installed on this machine');
  });

  test('small images see the applets of BusyBox last', () => {
    const { env, mounts } = resolveImage('busybox', {}, options);
    expect(env.PATH).toMatch(/:\/opt\/busybox\/bin$/);
    expect(mounts).toEqual([
      { source: '/opt/tendril/dist/busybox-bin', target: '/opt/busybox/bin', readOnly: true },
    ]);
  });

  test('agnhost is where its image has it', () => {
    const { mounts } = resolveImage('e2e-test-images/agnhost:2.40', {}, options);
    expect(mounts.filter(({ source }) => source === '/opt/tendril/dist/native/agnhost')).toMatchObject([
      { target: '/agnhost', readOnly: true },
      { target: '/agnhost-2', readOnly: true },
    ]);
  });
});
