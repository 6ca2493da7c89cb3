/**
 * What ADD was given and gave, per attachment, kept until DEL: a file each, as libcni has it. DEL and CHECK go
 * by it even where the configuration in the directory has changed meanwhile.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Conflist } from '../spec.ts';
import type { Attachment } from './cni-runtime.ts';

export interface CachedAttachment {
  kind: 'tendrilCacheV1';
  attachment: Attachment;
  conflist: Conflist;
  version: string;
  /** As the last plugin printed it; absent when ADD began and did not end. */
  result?: unknown;
}

export class ResultCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'results');
  }

  async put(cached: CachedAttachment): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(cached.conflist.name, cached.attachment);
    await writeFile(`${path}.new`, JSON.stringify(cached), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  /** Whichever network it was made by: a new configuration may have another name. Undefined where none is whole. */
  async get(attachment: Pick<Attachment, 'containerId' | 'ifName'>): Promise<CachedAttachment | undefined> {
    for (const path of await this.#paths(attachment)) {
      const text = await readFile(path, 'utf8').catch(() => '');
      try {
        const cached = JSON.parse(text) as CachedAttachment;
        if (cached.kind === 'tendrilCacheV1') return cached;
      } catch {
        // Torn by a crash: as good as absent, since plugins must accept a DEL without prevResult.
      }
    }
    return undefined;
  }

  async delete(attachment: Pick<Attachment, 'containerId' | 'ifName'>): Promise<void> {
    for (const path of await this.#paths(attachment)) await rm(path, { force: true });
  }

  async #paths({ containerId, ifName }: Pick<Attachment, 'containerId' | 'ifName'>): Promise<string[]> {
    const names = await readdir(this.#directory).catch(() => []);
    return names
      .filter((name) => name.endsWith(`-${containerId}-${ifName}`))
      .map((n) => join(this.#directory, n));
  }

  #path(network: string, { containerId, ifName }: Attachment): string {
    return join(this.#directory, `${network}-${containerId}-${ifName}`);
  }
}
