/** Writes deploy/tendril.yaml: `scripts/node scripts/deploy.ts`, after changes to src/deploy or the version. */
import { mkdirSync, writeFileSync } from 'node:fs';
import packageJson from '../package.json' with { type: 'json' };
import { imageName } from '../src/deploy/image-name.ts';
import { renderManifest } from '../src/deploy/manifest.ts';
import { defaultValues } from '../src/deploy/values.ts';

mkdirSync('deploy', { recursive: true });
writeFileSync('deploy/tendril.yaml', renderManifest(defaultValues(imageName(packageJson.version))));
