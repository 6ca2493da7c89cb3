/** Runs the built program as a user does. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');
export const program = join(root, 'bin', 'tendril');

/** Labs of these tests live apart from others on the machine, so that `down --all` takes only them. */
export const runDirectory = `/run/tendril-e2e-${process.pid}`;

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string;
  /** Killed after this; 180 s unless given. */
  timeoutMs?: number;
  env?: Record<string, string>;
}

/** Resolves with whatever came of it; never rejects for an exit status. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, TENDRIL_RUN: runDirectory, ...options.env },
      timeout: options.timeoutMs ?? 180_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 137, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
  });
}

export const tendril = (args: readonly string[], options?: RunOptions): Promise<Output> =>
  run(program, args, options);

/** The output of a command that must succeed. */
export async function must(output: Promise<Output>): Promise<string> {
  const { code, stdout, stderr } = await output;
  if (code !== 0) throw new Error(`exit status ${code}\n${stdout}\n${stderr}`);
  return stdout;
}
