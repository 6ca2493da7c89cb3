/** Tendril's image of what a folder has built. */
import { encodeArchive } from './archive.ts';
import { collectContents } from './contents.ts';
import { type Architecture, debianNames } from './debian.ts';

export interface ImageOptions {
  name: string;
  version: string;
  /** This machine's by default. */
  architecture?: Architecture;
}

/** @throws Error naming what is not built, not installed or not to be had */
export function encodeImage(root: string, options: ImageOptions): Buffer {
  const { name, version, architecture = process.arch as Architecture } = options;
  const { base, tendril, packages } = collectContents(root, architecture);
  return encodeArchive({
    name,
    architecture: debianNames[architecture].name,
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
      'tendril.dev/debian-packages': packages.join(', '),
    },
    layers: [base, tendril],
  });
}
