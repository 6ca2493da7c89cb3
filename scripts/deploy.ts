/** Writes deploy/tendril.yaml and deploy/chart: `scripts/node scripts/deploy.ts`, after changes to src/deploy or the version. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { chartFiles } from '../src/deploy/chart.ts';
import { imageName } from '../src/deploy/image-name.ts';
import { renderManifest } from '../src/deploy/manifest.ts';
import { defaultValues } from '../src/deploy/values.ts';

const { version } = packageJson;
const files = {
  'tendril.yaml': renderManifest(defaultValues(imageName(version))),
  ...Object.fromEntries(
    Object.entries(chartFiles(version)).map(([path, text]) => [join('chart', path), text]),
  ),
};
for (const [path, text] of Object.entries(files)) {
  const file = join('deploy', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
