/** The Helm chart, rendered by Go's text/template as Helm renders it, gives the manifest's objects. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { imageName } from '../../src/deploy/image-name.ts';
import { deployObjects } from '../../src/deploy/manifest.ts';
import { defaultValues } from '../../src/deploy/values.ts';
import { deployValues, type Values } from '../../src/install/values.ts';

const root = join(import.meta.dirname, '../..');
const image = imageName(packageJson.version);
const hasGo = spawnSync('go', ['version']).status === 0;
if (!hasGo) process.stdout.write('skipped: the chart is rendered with Go, which is not on PATH\n');

/** What `helm template` would print, as objects. */
function render(given: Values): object[] {
  const { agent: _, ...defaults } = defaultValues(image);
  const templates = ['_settings.tpl', 'tendril.yaml'].map((file) =>
    join(root, 'deploy/chart/templates', file),
  );
  const { status, stdout, stderr } = spawnSync('go', ['run', '.', ...templates], {
    cwd: join(root, 'tests/support/chart'),
    input: JSON.stringify({ ...defaults, ...given }),
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' },
  });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS());
}

describe.skipIf(!hasGo)('the chart', () => {
  test('has the manifest’s objects with its own defaults', { timeout: 300_000 }, () => {
    expect(render({})).toEqual(JSON.parse(JSON.stringify(deployObjects(defaultValues(image)))));
  });

  test('takes the values of the command', { timeout: 300_000 }, () => {
    const given = {
      ...{ image: 'registry.example/tendril:1', imagePullSecrets: ['a', 'b'], cgroup: '/run/cgroup' },
      ...{ healthzPort: 10_300, serviceCidrs: ['10.96.0.0/16', 'fd96::/112'], zone: 'my.zone' },
      ...{ cniConfDirectory: '/var/cni/conf', cniBinDirectory: '/var/cni/bin' },
    };
    expect(render(given)).toEqual(JSON.parse(JSON.stringify(deployObjects(deployValues(given, image)))));
  });
});
