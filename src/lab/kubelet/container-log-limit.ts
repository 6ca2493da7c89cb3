/** Keeps containers' logs within their limit, however much is written: a lab's files lie in the machine's memory. */
import { open } from 'node:fs/promises';
import { releaseStart } from '../../linux/files/release.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { logBytesMax } from './container-logs.ts';
import { repeated } from './repeated.ts';

const blockBytes = 512;
/** Freed in steps of this, so that a log at its limit is not touched for every line. */
const slackBytes = 2 ** 20;

/** Frees all but the last 10 MiB of a log, where it takes much more. One that is not there takes nothing. */
export async function limitLog(path: string): Promise<void> {
  const file = await open(path, 'r+').catch(() => undefined);
  if (file === undefined) return;
  try {
    const { size, blocks } = await file.stat();
    if (size > logBytesMax && blocks * blockBytes > logBytesMax + slackBytes)
      releaseStart(file.fd, size - logBytesMax);
  } finally {
    await file.close();
  }
}

/** Kubelet looks every 10 s, at a disk; memory fills faster. */
const everyMs = 1000;

/** Limits the logs that `paths` names, again and again. The function ends it. */
export function keepLogsLimited(
  paths: () => string[],
  { clock, logger }: { clock: Clock; logger: Logger },
): () => void {
  return repeated(
    async () => {
      for (const path of paths())
        await limitLog(path).catch((error) => logger.warn('a log is not limited', { path, error }));
    },
    { clock, restMs: () => everyMs },
  );
}
