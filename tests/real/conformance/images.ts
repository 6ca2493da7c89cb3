/**
 * The images that Kubernetes' end-to-end tests ask for, by the names that they have in v1.36's test/utils/image/manifest.go.
 * Made without a registry: Kubernetes' own agnhost among this machine's tools, as the original has it among Alpine's.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeArchive, type Image } from '../../../scripts/image/archive.ts';
import { agnhostImage } from '../cluster/images.ts';
import { program } from '../cluster/parts.ts';
import { imageFile, programFile, toolBox, userFiles } from '../cluster/tools.ts';
import { cache, kubernetesSource, testProgram } from './programs.ts';

const repository = 'registry.k8s.io/e2e-test-images';
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** What specs run in a pod and BusyBox has not, or has less of. */
const tools = [
  ...['/usr/bin/bash', '/usr/bin/dash', '/usr/bin/curl', '/usr/bin/wget', '/usr/bin/dig'],
  ...['/usr/bin/nc', '/usr/bin/getent', '/usr/bin/ss', '/usr/bin/ip', '/usr/sbin/nft'],
];

export interface TestImage {
  archive: string;
  /** The first is the archive's own. */
  names: readonly string[];
}

/** What an image is made of, beside its name and architecture. */
type Content = Pick<Image, 'entrypoint' | 'command' | 'layers'>;

const named = (...images: string[]): string[] => images.map((each) => `${repository}/${each}`);

/** Those that are newer than their programs are kept. */
export function makeTestImages(): TestImage[] {
  mkdirSync(cache, { recursive: true });
  return [
    make('agnhost', agnhost, [agnhostImage, ...named('agnhost:2.55', 'glibc-dns-testing:2.0.0')]),
    make('busybox', busybox, named('busybox:1.37.0-1')),
    make('nginx', nginx, named('nginx:1.15-4', 'nginx:1.27-0')),
    make('conntrack', conntrackRegression, named('regression-issue-74839:1.4')),
  ];
}

function make(name: string, content: () => Content, names: readonly string[]): TestImage {
  const archive = join(cache, `${name}.tar`);
  const inputs = [import.meta.filename, program('agnhost'), testProgram('regression-issue-74839')];
  if (!existsSync(archive) || inputs.some((path) => statSync(path).mtimeMs > statSync(archive).mtimeMs)) {
    const environment = { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
    writeFileSync(
      archive,
      encodeArchive({ name: names[0]!, architecture, environment, labels: {}, ...content() }),
    );
  }
  return { archive, names };
}

function agnhost(): Content {
  const certificates = join(kubernetesSource(), 'test/images/agnhost/porter');
  return {
    entrypoint: ['/agnhost'],
    command: ['pause'],
    layers: [
      [...toolBox(tools), ...userFiles()],
      [
        programFile('agnhost', program('agnhost')),
        { path: 'agnhost-2', type: 'link', target: 'agnhost' },
        imageFile('localhost.crt', join(certificates, 'localhost.crt')),
        imageFile('localhost.key', join(certificates, 'localhost.key')),
        { path: 'uploads', type: 'directory', mode: 0o755 },
      ],
    ],
  };
}

function busybox(): Content {
  return { entrypoint: [], command: ['sh'], layers: [[...toolBox([]), ...userFiles()]] };
}

/** Specs ask it for nothing but that its port is open. */
function nginx(): Content {
  const server = programFile('standin', 'dist/native/standin');
  return { entrypoint: ['/standin', '--http', '80'], layers: [[server, ...userFiles()]] };
}

function conntrackRegression(): Content {
  const path = 'regression-issue-74839';
  return {
    entrypoint: [`/${path}`],
    layers: [[programFile(path, testProgram(path)), ...userFiles()]],
  };
}
