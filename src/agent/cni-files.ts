/**
 * Keeps the conflist and the shim as the agent made them. Node images, other plugins and people remove or alter
 * them; the runtime then starts pods without Tendril, or none. Their directories are watched (inotify(7)): nothing is
 * looked at while nothing happens there.
 */
import { type FSWatcher, mkdirSync, statSync, watch } from 'node:fs';
import { basename } from 'node:path';
import { BoundedRunner } from '../util/bounded-runner.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { AgentConfig } from './config.ts';
import { conflistName, installShim, shimName, writeConflist } from './conflist.ts';

export interface CniFilesOptions {
  config: Pick<
    AgentConfig,
    | 'cniSocket'
    | 'stateDirectory'
    | 'bpfDirectory'
    | 'cniConfDirectory'
    | 'cniBinDirectory'
    | 'objectsDirectory'
  >;
  logger: Logger;
  clock?: Clock;
  /** Between two restorations: somebody else may insist on another conflist, and neither must keep a CPU busy. */
  minIntervalMs?: number;
}

interface Watched {
  watcher: FSWatcher;
  /** Which directory it is: one that was made anew has the same path, and no watch. */
  identity: string;
}

export class CniFiles {
  readonly #options: CniFilesOptions;
  readonly #runner: BoundedRunner;
  readonly #watched = new Map<string, Watched>();
  #stopped = false;

  constructor(options: CniFilesOptions) {
    const { clock = systemClock, minIntervalMs = 1000, logger } = options;
    this.#options = options;
    this.#runner = new BoundedRunner({
      run: () => this.#restore(),
      ...{ clock, minIntervalMs },
      retry: { initialMs: 1000, maxMs: 60_000 },
      onError: (error) => logger.warn('the CNI configuration cannot be kept as it should be', { error }),
    });
  }

  /**
   * Resolves once the conflist is there, and sees from then on to it and the shim.
   * @throws what prevents the conflist from being written
   */
  async keep(): Promise<void> {
    await writeConflist(this.#options.config);
    this.#runner.request();
  }

  /** The files stay. Resolves when nothing is being written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#runner.stop();
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
    await this.#runner.idle();
  }

  /** Watches first: what happens while the files are looked at asks for the next run. */
  async #restore(): Promise<void> {
    const { config, logger } = this.#options;
    this.#watch(config.cniConfDirectory, conflistName);
    if (config.cniBinDirectory !== undefined) this.#watch(config.cniBinDirectory, shimName);
    const restored = [
      ...((await installShim(config)) ? ['shim'] : []),
      ...((await writeConflist(config)) ? ['conflist'] : []),
    ];
    if (restored.length > 0) logger.warn('restored CNI files that somebody removed or altered', { restored });
  }

  #watch(directory: string, file: string): void {
    if (this.#stopped) return;
    mkdirSync(directory, { recursive: true });
    const identity = identityOf(directory);
    const present = this.#watched.get(directory);
    if (present?.identity === identity) return;
    present?.watcher.close();
    const watcher = watch(directory, { persistent: false }, (_, name) => {
      // What befalls the directory itself is told by its own name. A new one may have the number of the old.
      if (name === basename(directory)) this.#unwatch(directory, watcher);
      if (name === null || name === file || name === basename(directory)) this.#runner.request();
    });
    watcher.on('error', () => {
      this.#unwatch(directory, watcher);
      this.#runner.request();
    });
    this.#watched.set(directory, { watcher, identity });
  }

  #unwatch(directory: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watched.get(directory)?.watcher === watcher) this.#watched.delete(directory);
  }
}

function identityOf(directory: string): string {
  const { dev, ino } = statSync(directory);
  return `${dev}:${ino}`;
}
