/** Zones' records as they are transferred: one list of each version for all who are sent it, gone with the last of them. */
import type { ResourceRecord } from '../../message/message.ts';
import type { TransferredZone } from '../../plugin.ts';

interface Kept {
  version: number;
  /** Being made: undefined once it is. */
  making?: Promise<readonly ResourceRecord[]> | undefined;
  made?: WeakRef<readonly ResourceRecord[]>;
}

export class SharedZones {
  readonly #kept = new Map<string, Kept>();

  /** That of the version where somebody has it, else what `make` makes. */
  get(zone: string, version: number, make: () => Promise<readonly ResourceRecord[]>): TransferredZone {
    const kept = this.#kept.get(zone);
    const known = kept?.version === version ? (kept.making ?? kept.made?.deref()) : undefined;
    return known ?? this.#make(zone, version, make);
  }

  #make(
    zone: string,
    version: number,
    make: () => Promise<readonly ResourceRecord[]>,
  ): Promise<readonly ResourceRecord[]> {
    const entry: Kept = { version };
    entry.making = make()
      .then((records) => {
        entry.made = new WeakRef(records);
        return records;
      })
      .finally(() => {
        entry.making = undefined;
      });
    this.#kept.set(zone, entry);
    return entry.making;
  }
}
