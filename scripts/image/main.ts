/** `make image [ARCH=arm64]`: dist/tendril-VERSION-ARCH.tar, made without a container runtime. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageName } from '../../src/deploy/image-name.ts';
import { encodeArchive } from './archive.ts';
import { collectContents } from './contents.ts';
import { type Architecture, debianNames } from './debian.ts';

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [wanted = process.arch] = process.argv.slice(2);
if (!Object.hasOwn(debianNames, wanted))
  throw new Error(`no image can be made for ${wanted}: there are ${Object.keys(debianNames).join(', ')}`);
const architecture = wanted as Architecture;
const { name } = debianNames[architecture];
const { base, tendril, packages } = collectContents(root, architecture);
const archive = encodeArchive({
  name: imageName(version),
  architecture: name,
  entrypoint: [
    `/opt/tendril/node_modules/node-linux-${architecture}/bin/node`,
    '--disable-warning=ExperimentalWarning',
    '/opt/tendril/dist/main.js',
  ],
  environment: { PATH: '/usr/sbin:/usr/bin' },
  labels: {
    'org.opencontainers.image.title': 'tendril',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'tendril.io/debian-packages': packages.join(', '),
  },
  layers: [base, tendril],
});
const path = join('dist', `tendril-${version}-${name}.tar`);
writeFileSync(join(root, path), archive);
process.stdout.write(`${path}: ${(archive.length / 2 ** 20).toFixed(1)} MiB, ${imageName(version)}\n`);
