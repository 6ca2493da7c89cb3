/** The images of a real cluster, made without a registry: Tendril's own, the pods' first process, Kubernetes' test image. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { encodeArchive } from '../../../scripts/image/archive.ts';
import { program } from './parts.ts';

const root = join(import.meta.dirname, '../../..');
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

export const agnhostImage = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';

function oneProgram(directory: string, name: string, path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  const archive = encodeArchive({
    ...{ name, architecture, entrypoint: [`/${file}`], environment: { PATH: '/' }, labels: {} },
    layers: [
      [
        { path: file, type: 'file', mode: 0o755, body: readFileSync(path) },
        { path: 'tmp', type: 'directory', mode: 0o777 },
        { path: 'uploads', type: 'directory', mode: 0o777 },
      ],
    ],
  });
  const out = join(directory, `${file}.tar`);
  writeFileSync(out, archive);
  return out;
}

/** Paths of the archives. @throws Error where Tendril's is not made */
export function makeImages(directory: string): string[] {
  const own = join(root, 'dist', `tendril-${packageJson.version}-${architecture}.tar`);
  if (!existsSync(own)) throw new Error(`${own} is missing: make image`);
  mkdirSync(directory, { recursive: true });
  return [
    own,
    oneProgram(directory, 'registry.k8s.io/pause:3.10.2', program('pause')),
    oneProgram(directory, agnhostImage, program('agnhost')),
  ];
}
