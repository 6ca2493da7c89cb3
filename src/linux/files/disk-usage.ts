/** How much room a directory takes. */
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

const blockBytes = 512;

/**
 * Bytes of all below the path, itself included, as du(1) counts them: by blocks, a file of several names once, no
 * symbolic link followed. What is not there, or goes meanwhile, takes none.
 */
export async function diskUsage(path: string): Promise<number> {
  const linked = new Set<bigint>();
  let bytes = 0;
  /** A list instead of recursion: whoever writes below chooses the depth. */
  const left = [path];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const stat = await lstat(at, { bigint: true }).catch(() => undefined);
    if (stat === undefined) continue;
    if (stat.isDirectory()) left.push(...(await namesIn(at)));
    else if (stat.nlink > 1n && linked.has(stat.ino)) continue;
    if (stat.nlink > 1n) linked.add(stat.ino);
    bytes += Number(stat.blocks) * blockBytes;
  }
  return bytes;
}

async function namesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(directory)) names.push(join(directory, name));
  } catch {
    // It went meanwhile.
  }
  return names;
}
