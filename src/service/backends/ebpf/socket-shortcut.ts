/**
 * The short way from socket to socket (bpf/sockmap.bpf.c), there as long as some Service asks for it: a node without
 * one loads nothing and runs no program when a connection is made. Connections that took it keep it to their end.
 */
import { join } from 'node:path';
import type { BpfObject, LoadOptions } from '../../../linux/bpf/bpf.ts';
import { describeError } from '../../../util/errors.ts';
import type { SocketShortcutStatus } from '../../service-proxy-contract.ts';
import type { DatapathOptions } from './datapath.ts';
import { shortcutCount } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';

export class SocketShortcut {
  readonly #options: DatapathOptions;
  readonly #pin: string;
  #object: BpfObject | undefined;
  /** Undefined before the first state. */
  #wanted: boolean | undefined;
  #problem: string | undefined;

  constructor(options: DatapathOptions) {
    this.#options = options;
    this.#pin = join(options.pinDirectory, 'links', 'shortcut-established');
  }

  /** A kernel that lacks something is told of in status; Services go on without. */
  ensure(wanted: boolean): void {
    if (this.#wanted === wanted) return;
    this.#wanted = wanted;
    this.#problem = undefined;
    if (!wanted) {
      this.#options.bpf.detach(this.#pin);
      return;
    }
    try {
      this.#start();
    } catch (error) {
      this.#problem = describeError(error);
    }
  }

  /** What was ever counted on this node, by the names of `enum shortcut_count` in lower case. */
  counts(): Record<string, number> {
    const map = this.#object?.map('shortcut_counts');
    if (map === undefined) return {};
    const names = Object.entries(shortcutCount).filter(([name]) => name !== 'SHORTCUT_COUNTS');
    return Object.fromEntries(
      names.map(([name, index]) => [
        name.slice('SHORTCUT_'.length).toLowerCase().replace('_', ' '),
        sum(map.lookup(indexKey(index))),
      ]),
    );
  }

  status(): SocketShortcutStatus {
    const { joined: connections = 0, bytes = 0 } = this.counts();
    if (this.#problem !== undefined)
      return { state: 'unavailable', problem: this.#problem, connections, bytes };
    return { state: this.#wanted === true ? 'on' : 'off', connections, bytes };
  }

  /** Gives the descriptors back; what is attached stays. */
  close(): void {
    this.#object?.close();
    this.#object = undefined;
    this.#wanted = undefined;
  }

  #start(): void {
    const { objectsDirectory, pinDirectory, mapSizes, cgroup: path } = this.#options;
    const load: LoadOptions = {
      path: join(objectsDirectory, 'sockmap.bpf.o'),
      pinDirectory,
      ...(mapSizes && { mapSizes }),
    };
    this.#object ??= this.#load(load);
    // A socket has the program that its map has when it enters: first the map's, then the one that lets sockets in.
    this.#object.attachToMap('shortcut_send', 'shortcut_sockets');
    this.#object.attach('shortcut_established', { type: 'cgroup', path }, this.#pin);
  }

  /** Its own maps that cannot be reused are let go: sockets that are in them keep them, and what they run. */
  #load(options: LoadOptions): BpfObject {
    const { bpf, pinDirectory } = this.#options;
    for (let other = bpf.misfit(options); other?.map.startsWith('shortcut_'); other = bpf.misfit(options))
      bpf.clear(join(pinDirectory, other.map));
    return bpf.load(options);
  }
}

/** Of all CPUs. */
function sum(values: Uint8Array | undefined): number {
  if (values === undefined) return 0;
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let total = 0;
  for (let at = 0; at < values.byteLength; at += 8) total += Number(view.getBigUint64(at, true));
  return total;
}
