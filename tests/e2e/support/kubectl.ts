/** A lab, and one kubectl to drive it with. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Kubectl } from './kubectl-programs.ts';
import { bringUp, type TestLab } from './lab.ts';
import { must, type Output, type RunOptions, run } from './tendril.ts';

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
  /** The same with more variables of the environment, and an input. */
  talk(args: readonly string[], env?: Record<string, string>): Talking;
  /** How a client finds the lab, once it is up, and a home of its own to keep things in. */
  environment(): { KUBECONFIG: string; HOME: string };
}

export interface Following extends Disposable {
  text(): string;
}

export interface Talking extends Following {
  /** Standard error so far. */
  errors(): string;
  type(text: string): void;
}

/** Brings the lab up before the tests of a `describe` and takes it down after them. */
export function useKubectlLab({ path, version }: Kubectl): KubectlLab {
  let lab: TestLab;
  let env: { KUBECONFIG: string; HOME: string };
  beforeAll(async () => {
    lab = await bringUp({ args: ['--nodes', '2'] });
    // kubectl keeps there what a server of that address and port has said of itself, another lab's too.
    const HOME = mkdtempSync(join(tmpdir(), 'tendril-kubectl-'));
    env = { KUBECONFIG: (await must(lab.tendril(['kubeconfig']))).trim(), HOME };
  });
  afterAll(async () => {
    await lab?.down();
    if (env?.HOME) rmSync(env.HOME, { recursive: true, force: true });
  });
  const runKubectl: KubectlLab['run'] = (args, options) =>
    run(path, args, { ...options, env: { ...env, ...options.env } });
  const talk: KubectlLab['talk'] = (args, more = {}) => {
    const child = spawn(path, args, { env: { ...process.env, ...env, ...more } });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    return {
      text: () => said.stdout,
      errors: () => said.stderr,
      type: (text) => void child.stdin.write(text),
      [Symbol.dispose]: () => void child.kill(),
    };
  };
  const attempt: KubectlLab['attempt'] = (...args) => runKubectl(args, {});
  return {
    minor: Number(/^v1\.(\d+)/.exec(version)![1]),
    attempt,
    tendril: (...args) => must(lab.tendril(args)),
    run: runKubectl,
    kubectl: (...args) => must(attempt(...args)),
    apply: (manifest) => must(runKubectl(['apply', '-f', '-'], { stdin: manifest })),
    follow: (...args) => talk(args),
    talk,
    environment: () => env,
  };
}
