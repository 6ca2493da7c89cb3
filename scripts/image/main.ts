/** `make image`: dist/tendril-VERSION-ARCH.tar, made without a container runtime. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageName } from '../../src/deploy/image-name.ts';
import { encodeArchive } from './archive.ts';
import { collectContents } from './contents.ts';

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const { base, tendril, packages } = collectContents(root);
const archive = encodeArchive({
  name: imageName(version),
  architecture,
  entrypoint: [
    `/opt/tendril/node_modules/node-linux-${process.arch}/bin/node`,
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
const path = join('dist', `tendril-${version}-${architecture}.tar`);
writeFileSync(join(root, path), archive);
process.stdout.write(`${path}: ${(archive.length / 2 ** 20).toFixed(1)} MiB, ${imageName(version)}\n`);
