/** What a container leaves behind as its last words: its termination log, or the end of its output. */
import { open } from 'node:fs/promises';
import type { Container } from '../../kube/types.ts';
import { readLog } from './container-logs.ts';

const maxMessage = 4096;
const maxFallback = 2048;
const maxFallbackLines = 80;

export interface LastWords {
  container: Container;
  terminationLog: string;
  log: string;
  exitCode: number;
}

export async function terminationMessage(from: LastWords): Promise<string | undefined> {
  const written = await start(from.terminationLog);
  if (written !== '') return written;
  if (from.container.terminationMessagePolicy !== 'FallbackToLogsOnError' || from.exitCode === 0)
    return undefined;
  return (await lastOutput(from.log)) || undefined;
}

async function start(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(maxMessage), position: 0 });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function lastOutput(log: string): Promise<string> {
  let last = Buffer.alloc(0);
  for await (const text of readLog(log, { tailLines: maxFallbackLines }, () => true))
    last = Buffer.concat([last, text as Buffer]).subarray(-maxFallback);
  return last.toString('utf8');
}
