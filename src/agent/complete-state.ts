/**
 * Remembers, across agents of one boot, that a complete state is in the pinned maps: pins alone do not tell, since
 * they exist from the moment the programs are loaded.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSysctl } from '../linux/sysctl/sysctl.ts';

/** Read by the CNI shim, too (native/cni-shim/in-force.c). */
export const completeRecordPath = (stateDirectory: string): string => join(stateDirectory, 'complete');

export class CompleteState {
  readonly #file: string;
  readonly #pins: string;
  readonly #bootId: () => string;

  constructor(options: { state: string; pins: string; bootId?: () => string }) {
    this.#file = completeRecordPath(options.state);
    this.#pins = options.pins;
    this.#bootId = options.bootId ?? (() => readSysctl(null, 'kernel.random.boot_id'));
  }

  /** True where an earlier agent put a whole state into the maps that are pinned now. */
  isInForce(): boolean {
    try {
      return readFileSync(this.#file, 'utf8') === this.#identity();
    } catch {
      return false;
    }
  }

  /** Call it once the first whole state is in the kernel. */
  record(): void {
    writeFileSync(`${this.#file}.new`, this.#identity());
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** What was recorded is no longer in the maps that are pinned now. */
  forget(): void {
    rmSync(this.#file, { force: true });
  }

  /** Another boot, or another bpffs, has other pins. */
  #identity(): string {
    const { dev, ino } = statSync(this.#pins);
    return `${this.#bootId()} ${dev}:${ino}\n`;
  }
}
