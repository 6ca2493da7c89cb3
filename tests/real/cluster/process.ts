/** Programs of a real cluster: run and waited for, or started and remembered by their process id. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** A process that has ended and whose end nobody has asked for does not run. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

export function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}

/** Ends what was started by that name, if it runs; resolves once it has ended. */
export async function stop(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const pid = pidOf(name);
  if (pid === undefined) return;
  end(pid, signal);
  await waitFor(`the end of ${name}`, 30, () => !isRunning(pid));
  forget(name);
}

/** It has ended: its id may be another's by now. */
export function forget(name: string): void {
  rmSync(pidPath(name), { force: true });
}

/** @throws Error naming what did not come, with the last error */
export async function waitFor(what: string, seconds: number, holds: () => unknown): Promise<void> {
  const until = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`not within ${seconds} s: ${what}`, { cause: last });
    await sleep(100);
  }
}
