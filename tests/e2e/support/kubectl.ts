/** The kubectls that tests use: Debian's, unpacked without being installed, and the machine's own if it is another one. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { bringUp, type TestLab } from './lab.ts';
import { must, type Output, type RunOptions, root, run } from './tendril.ts';

export interface Kubectl {
  version: string;
  path: string;
}

function clientVersion(path: string): string | undefined {
  try {
    const { clientVersion } = JSON.parse(
      execFileSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }),
    );
    return clientVersion.gitVersion;
  } catch {
    return undefined;
  }
}

/** Debian's package kubernetes-client, unpacked below .cache. @throws where apt cannot fetch it */
function unpackDebian(): string {
  const directory = join(root, '.cache', 'kubernetes-client');
  const path = join(directory, 'usr', 'bin', 'kubectl');
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  execFileSync('apt-get', ['download', '-qq', 'kubernetes-client'], { cwd: directory, stdio: 'pipe' });
  const archive = readdirSync(directory).find((file) => file.endsWith('.deb'))!;
  execFileSync('dpkg', ['-x', join(directory, archive), directory]);
  return path;
}

/** One entry for each version; why one is missing is printed. */
export function kubectls(): Kubectl[] {
  const found = new Map<string, string>();
  const own = clientVersion('kubectl');
  if (own !== undefined) found.set(own, 'kubectl');
  try {
    const path = unpackDebian();
    found.set(clientVersion(path)!, path);
  } catch (error) {
    console.log(
      `skipped: Debian's kubernetes-client cannot be fetched: ${(error as Error).message.split('\n')[0]}`,
    );
  }
  return [...found].map(([version, path]) => ({ version, path }));
}

/** kubectl against a lab of its own. */
export interface KubectlLab {
  /** 20 for v1.20.2. */
  readonly minor: number;
  /** Standard output of a command that must succeed. */
  kubectl(...args: string[]): Promise<string>;
  /** Tendril's own command for the same lab, which must succeed. */
  tendril(...args: string[]): Promise<string>;
  /** Whatever came of it. */
  attempt(...args: string[]): Promise<Output>;
  /** With standard input and more variables of the environment. */
  run(args: readonly string[], options: RunOptions): Promise<Output>;
  apply(manifest: string): Promise<string>;
  /** One that goes on, such as a watch; its output so far is `text()`. */
  follow(...args: string[]): Following;
}

export interface Following extends Disposable {
  text(): string;
}

/** Brings the lab up before the tests of a `describe` and takes it down after them. */
export function useKubectlLab({ path, version }: Kubectl): KubectlLab {
  let lab: TestLab;
  let env: Record<string, string>;
  beforeAll(async () => {
    lab = await bringUp({ args: ['--nodes', '2'] });
    env = { KUBECONFIG: (await must(lab.tendril(['kubeconfig']))).trim() };
  });
  afterAll(() => lab?.down());
  const runKubectl: KubectlLab['run'] = (args, options) =>
    run(path, args, { ...options, env: { ...env, ...options.env } });
  const attempt: KubectlLab['attempt'] = (...args) => runKubectl(args, {});
  return {
    minor: Number(/^v1\.(\d+)/.exec(version)![1]),
    attempt,
    tendril: (...args) => must(lab.tendril(args)),
    run: runKubectl,
    kubectl: (...args) => must(attempt(...args)),
    apply: (manifest) => must(runKubectl(['apply', '-f', '-'], { stdin: manifest })),
    follow(...args) {
      const child = spawn(path, args, { env: { ...process.env, ...env } });
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      return { text: () => text, [Symbol.dispose]: () => void child.kill() };
    },
  };
}
