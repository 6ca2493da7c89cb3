/** A ledger of what an earlier process left in the kernel's maps. */
import type { TimeSlice } from '../../../util/time-slice.ts';
import { layouts } from './generated/layouts.ts';
import { isHostPortNumber } from './host-port-plan.ts';
import { backendKey, emptyLedger, type Ledger, packed } from './ledger.ts';
import type { MapName } from './map-write.ts';

type Entry = [key: Uint8Array, value: Uint8Array];

/**
 * Numbers go on after the highest one seen; that may give a number out again whose holder is gone, while connections
 * remember it. So new backends are of another generation: an epoch (32 bits) that no ledger of these maps had before.
 */
export async function readLedger(
  maps: Record<MapName, { entries(): Iterable<Entry> }>,
  epoch: number,
  slice: TimeSlice,
): Promise<Ledger> {
  const ledger = { ...emptyLedger(), generation: epoch };
  for (const entry of maps.backends.entries()) {
    takeBackend(ledger, entry);
    await slice.breathe();
  }
  const pools = new Map<number, number[]>();
  for (const entry of maps.slots.entries()) {
    takeSlot(ledger, pools, entry);
    await slice.breathe();
  }
  // A hole is a slot that a crash left unwritten; no backend has number 0.
  for (const [id, members] of pools) {
    const whole = Array.from(members, (member) => member ?? 0);
    ledger.foundPools.set(id, whole);
    await slice.breathe();
  }
  for (const [key, value] of maps.source_ranges.entries()) {
    ledger.ranges.set(packed(key), { value: packed(value), claimed: false });
    ledger.found.ranges.push(packed(key));
    await slice.breathe();
  }
  for (const entry of maps.frontends.entries()) {
    takeFrontend(ledger, entry);
    await slice.breathe();
  }
  return ledger;
}

function takeBackend(ledger: Ledger, [key, value]: Entry): void {
  const id = Buffer.from(key).readUInt32LE();
  if (isHostPortNumber(id)) {
    ledger.hostPorts.numbers.push(id);
    return;
  }
  const backend = layouts.backend.decode(value);
  // A crash can leave one endpoint under two numbers: the second is nobody's and goes with what is stale.
  const name = ledger.backends.has(backendKey(backend)) ? `stale ${id}` : backendKey(backend);
  ledger.backends.set(name, { id, flags: backend.flags, generation: backend.generation, uses: 0 });
  ledger.backendKeys.set(id, name);
  ledger.found.backends.push(name);
  ledger.nextBackendId = Math.max(ledger.nextBackendId, id + 1);
}

function takeSlot(ledger: Ledger, pools: Map<number, number[]>, [key, value]: Entry): void {
  const { poolId, index } = layouts.slotKey.decode(key);
  if (isHostPortNumber(poolId)) return;
  const members = pools.get(poolId) ?? [];
  members[index] = layouts.slot.decode(value).backendId;
  ledger.slotCount++;
  pools.set(poolId, members);
  ledger.nextPoolId = Math.max(ledger.nextPoolId, poolId + 1);
}

function takeFrontend(ledger: Ledger, [key, value]: Entry): void {
  const frontend = layouts.frontend.decode(value);
  if (isHostPortNumber(frontend.serviceId)) {
    ledger.hostPorts.frontends.push(packed(key));
    return;
  }
  ledger.frontends.set(packed(key), { owner: undefined, value: packed(value) });
  ledger.found.frontends.push(packed(key));
  ledger.nextServiceId = Math.max(ledger.nextServiceId, frontend.serviceId + 1);
  for (const pool of [frontend.internal, frontend.external])
    ledger.nextPoolId = Math.max(ledger.nextPoolId, pool.id + 1);
}
