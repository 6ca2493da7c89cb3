/** `make image [ARCH=arm64]`: dist/tendril-VERSION-ARCH.tar, made without a container runtime. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageName } from '../../src/deploy/image-name.ts';
import { type Architecture, debianNames } from './debian.ts';
import { encodeImage } from './image.ts';

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [wanted = process.arch] = process.argv.slice(2);
if (!Object.hasOwn(debianNames, wanted))
  throw new Error(`no image can be made for ${wanted}: there are ${Object.keys(debianNames).join(', ')}`);
const architecture = wanted as Architecture;
const name = imageName(version);
const archive = encodeImage(root, { name, version, architecture });
const path = join('dist', `tendril-${version}-${debianNames[architecture].name}.tar`);
writeFileSync(join(root, path), archive);
process.stdout.write(`${path}: ${(archive.length / 2 ** 20).toFixed(1)} MiB, ${name}\n`);
