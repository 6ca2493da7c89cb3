/** What a container leaves behind as its last words: its termination log, or the end of its output. */
import { open } from 'node:fs/promises';
import type { Container } from '../../kube/types.ts';

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
  const written = await tail(from.terminationLog, maxMessage, 'start');
  if (written !== '') return written;
  if (from.container.terminationMessagePolicy !== 'FallbackToLogsOnError' || from.exitCode === 0)
    return undefined;
  const output = await tail(from.log, maxFallback, 'end');
  return output === ''
    ? undefined
    : output
        .split('\n')
        .slice(-maxFallbackLines - 1)
        .join('\n');
}

async function tail(path: string, bytes: number, where: 'start' | 'end'): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const position = where === 'start' ? 0 : Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(bytes), position });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
