/** Programs of a real cluster: run and waited for, or started and remembered by their process id. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterDirectory } from './layout.ts';

/** @throws Error with what it printed */
export function run(command: string, words: readonly string[], input?: string): string {
  try {
    return execFileSync(command, words, {
      encoding: 'utf8',
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      maxBuffer: 64 * 2 ** 20,
      ...(input !== undefined && { input }),
    });
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    throw new Error(`${command} ${words.slice(0, 6).join(' ')}: ${stderr.trim() || message}`, { cause });
  }
}

const pidPath = (name: string): string => join(clusterDirectory, 'run', name);
export const logPath = (name: string): string => join(clusterDirectory, 'log', name);

/** Goes on when this process ends; output to its log. */
export function start(name: string, command: string, words: readonly string[]): void {
  for (const directory of ['run', 'log']) mkdirSync(join(clusterDirectory, directory), { recursive: true });
  const output = openSync(logPath(name), 'a');
  const child = spawn(command, words, {
    cwd: clusterDirectory,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  writeFileSync(pidPath(name), String(child.pid));
}

/** Undefined where it was not started. */
export function pidOf(name: string): number | undefined {
  try {
    return Number(readFileSync(pidPath(name), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @throws Error naming what did not come, with the last error */
export async function waitFor(what: string, seconds: number, holds: () => unknown): Promise<void> {
  const end = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (holds()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`, { cause: last });
    await sleep(200);
  }
}
