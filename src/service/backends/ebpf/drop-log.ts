/** The last packets that the datapath dropped, from its ring buffer. Counts are exact in `drop_counters`; this is a sample. */
import type { BpfRingBuffer } from '../../../linux/bpf/bpf.ts';
import { formatIp, type Ip } from '../../../net/ip.ts';
import { protocolName } from '../../../net/protocol.ts';
import type { DroppedPacket } from '../../service-proxy-contract.ts';
import { type DropEvent, dropHook, dropReason, layouts } from './generated/layouts.ts';

const kept = 64;

export class DropLog {
  readonly #events: BpfRingBuffer;
  readonly #recent: DroppedPacket[] = [];

  constructor(events: BpfRingBuffer) {
    this.#events = events;
  }

  /** Takes what programs wrote since; call it often enough that the ring does not fill. */
  poll(): void {
    const clocks = { wall: Date.now(), monotonic: process.hrtime.bigint() };
    this.#events.drain((record) => this.#recent.push(dropped(layouts.dropEvent.decode(record), clocks)));
    this.#recent.splice(0, this.#recent.length - kept);
  }

  /** Oldest first. */
  recent(): readonly DroppedPacket[] {
    return this.#recent;
  }

  close(): void {
    this.#events.close();
  }
}

/** Events carry CLOCK_MONOTONIC. */
function dropped(event: DropEvent, now: { wall: number; monotonic: bigint }): DroppedPacket {
  const { src, dst, sport, dport, proto } = event.tuple;
  const ports = sport !== 0 || dport !== 0;
  const at = (ip: Ip, port: number) => (ports ? `${formatIp(ip)}|${port}` : formatIp(ip));
  return {
    time: new Date(now.wall - Number((now.monotonic - event.time) / 1_000_000n)).toISOString(),
    reason: reasonName(event.reason),
    from: at(src, sport),
    to: at(dst, dport),
    protocol: protocolName(proto) ?? String(proto),
    hook: hookName(event.hook),
    ifindex: event.ifindex,
    bytes: event.length,
  };
}

/** In lower case, as everywhere outside of C; see docs/reference/drop-reasons.md. */
export function reasonName(reason: number): string {
  return plain(dropReason, reason, 'DROP_');
}

function hookName(hook: number): string {
  return plain(dropHook, hook, 'HOOK_');
}

function plain(values: Record<string, number>, value: number, prefix: string): string {
  const name = Object.keys(values).find((key) => values[key] === value);
  return name === undefined ? String(value) : name.slice(prefix.length).toLowerCase().replaceAll('_', ' ');
}
