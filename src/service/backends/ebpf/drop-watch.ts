/** Looks every second at what the datapath drops: which packets, and whether connections are refused for want of room. */
import type { Clock } from '../../../util/clock.ts';
import type { TendrilError } from '../../../util/errors.ts';
import type { Logger } from '../../../util/logger.ts';
import type { DroppedPacket } from '../../service-proxy-contract.ts';
import { ConntrackRoom } from './conntrack-room.ts';
import type { Datapath } from './datapath.ts';
import { DropLog } from './drop-log.ts';

const everyMs = 1000;

export interface DropWatchOptions {
  datapath: Pick<Datapath, 'drops' | 'dropEvents' | 'map'>;
  clock: Clock;
  logger: Logger;
}

export class DropWatch {
  readonly #options: DropWatchOptions;
  #log: DropLog | undefined;
  #room: ConntrackRoom | undefined;
  #refused: TendrilError | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: DropWatchOptions) {
    this.#options = options;
  }

  /** Once the datapath is loaded. */
  start(): void {
    const { datapath } = this.#options;
    this.#log = new DropLog(datapath.dropEvents());
    this.#room = new ConntrackRoom(datapath.map('conntrack').maxEntries, this.#withoutRoom());
    this.#look();
  }

  /** The last packets, up to this moment, oldest first; none unless it watches. */
  recent(): readonly DroppedPacket[] {
    this.#log?.poll();
    return this.#log?.recent() ?? [];
  }

  /** Why new connections are refused; undefined while they are not. */
  connectionsRefused(): TendrilError | undefined {
    return this.#refused;
  }

  stop(): void {
    this.#cancel?.();
    this.#log?.close();
    this.#log = undefined;
  }

  #look(): void {
    const { clock } = this.#options;
    this.#log?.poll();
    this.#checkRoom();
    this.#cancel = clock.after(everyMs, () => this.#look());
  }

  #checkRoom(): void {
    const { clock, logger } = this.#options;
    const before = this.#refused;
    this.#refused = this.#room?.check(this.#withoutRoom(), clock.monotonic());
    if (this.#refused !== undefined && before === undefined)
      logger.error('new connections are refused', { error: this.#refused });
  }

  #withoutRoom(): number {
    return this.#options.datapath.drops()['conntrack full'] ?? 0;
  }
}
