/** What only the conformance run is made of: Kubernetes' end-to-end tests, ginkgo, and programs of the images that they ask for. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
export const cache = join(root, '.cache/conformance');
/** In the module that the cluster's own programs are built in: the same versions, and much of it compiled already. */
const directory = join(root, '.cache/control-plane');

const programs = ['ginkgo', 'e2e.test', 'regression-issue-74839'] as const;

export type TestProgram = (typeof programs)[number];

export const testProgram = (name: TestProgram): string => join(directory, name);

/** Builds what is missing, telling of each. @throws Error where Go or one of them fails */
export function buildTestPrograms(say: (text: string) => void): void {
  for (const name of programs.filter((each) => !existsSync(testProgram(each)))) {
    say(`building ${name}`);
    execFileSync(join(root, 'scripts/build-kubernetes'), [name, directory], { stdio: 'inherit' });
  }
}

/** Folder of Kubernetes' module, with the certificates that its images have. */
export function kubernetesSource(): string {
  const words = ['list', '-m', '-f', '{{.Dir}}', 'k8s.io/kubernetes'];
  return execFileSync('go', words, { cwd: join(directory, 'module'), encoding: 'utf8' }).trim();
}
