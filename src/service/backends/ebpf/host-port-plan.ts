/**
 * What to write so that the maps serve host ports. Pure but for reading the maps, which alone know what a Service has
 * taken: bindings, what is held for them and the maps in; writes, in the order that is safe, and what is held then out.
 */
import { equalIp, isLoopback } from '../../../net/ip.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import type { HostPortBinding, HostPortState } from '../../model/host-port.ts';
import { backendFlags, type Frontend, frontendFlags, frontendKind, layouts } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';
import { packed, unpacked } from './ledger.ts';
import { inOrder, type MapName, type MapWrite } from './map-write.ts';

/** Numbers of backends, pools and Services from here on are host ports': one for all three. */
const firstNumber = 0x8000_0000;

export function isHostPortNumber(number: number): boolean {
  return number >= firstNumber;
}

export interface HeldPort {
  readonly number: number;
  readonly generation: number;
  /** Encoded keys, packed. */
  readonly frontends: readonly string[];
}

export interface PlannedPort extends HeldPort {
  readonly binding: HostPortBinding;
  /** In the order of the binding's addresses. */
  readonly states: readonly HostPortState[];
  /** What the maps lack of it. */
  readonly missing: readonly MapWrite[];
}

type HostPortMap = Exclude<MapName, 'source_ranges'>;

export interface HostPortInput {
  /** Of what two want, the first has it. */
  bindings: readonly HostPortBinding[];
  /** By binding's id. */
  held: ReadonlyMap<string, HeldPort>;
  lookup(map: HostPortMap, key: Uint8Array): Uint8Array | undefined;
  /** Of backends that get a number now. */
  generation(): number;
  /** None of this process's has it, or a higher one. */
  nextNumber: number;
}

export interface HostPortPlan {
  writes: MapWrite[];
  ports: PlannedPort[];
  nextNumber: number;
}

export function planHostPorts(input: HostPortInput): HostPortPlan {
  const taken = new Set<string>();
  const numbers = new Set([...input.held.values()].map(({ number }) => number));
  let nextNumber = Math.max(input.nextNumber, firstNumber);
  const give = () => {
    // An earlier process's, of a pod that is still to be opened or is no more.
    while (input.lookup('backends', indexKey(nextNumber)) !== undefined) nextNumber++;
    return { number: nextNumber++, generation: input.generation() };
  };
  const ports = input.bindings.map((binding): PlannedPort => {
    const { states, frontends } = claim(binding, taken, input);
    if (frontends.length === 0) return { binding, states, number: 0, generation: 0, frontends, missing: [] };
    const named = input.held.get(binding.id) ?? adopted(binding, numbers, input) ?? give();
    numbers.add(named.number);
    const held = { number: named.number, generation: named.generation, frontends };
    return { binding, states, ...held, missing: missingOf(binding, held, input) };
  });
  const writes = [...ports.flatMap(({ missing }) => missing), ...stale(ports, input)];
  return { writes: ordered(writes), ports, nextNumber };
}

/** Which of the binding's frontends are its own. */
function claim(binding: HostPortBinding, taken: Set<string>, { lookup }: HostPortInput) {
  const frontends: string[] = [];
  const states = binding.addresses.map((addr): HostPortState => {
    const proto = protocolNumbers[binding.protocol];
    const key = packed(layouts.frontendKey.encode({ addr, port: binding.hostPort, proto }));
    if (taken.has(key)) return 'taken by another pod';
    const value = lookup('frontends', unpacked(key));
    if (value !== undefined && !isHostPort(layouts.frontend.decode(value))) return 'taken by a Service';
    taken.add(key);
    frontends.push(key);
    return 'serving';
  });
  return { states, frontends };
}

function isHostPort({ kind }: Frontend): boolean {
  return kind === frontendKind.FRONTEND_HOST_PORT;
}

/** What an earlier process wrote for the same: connections that it knows go on. */
function adopted(
  binding: HostPortBinding,
  numbers: ReadonlySet<number>,
  { lookup }: HostPortInput,
): Pick<HeldPort, 'number' | 'generation'> | undefined {
  const proto = protocolNumbers[binding.protocol];
  for (const addr of binding.addresses) {
    const value = lookup('frontends', layouts.frontendKey.encode({ addr, port: binding.hostPort, proto }));
    const frontend = value && layouts.frontend.decode(value);
    if (frontend === undefined || !isHostPort(frontend) || numbers.has(frontend.serviceId)) continue;
    const number = frontend.serviceId;
    const known = lookup('backends', indexKey(number));
    const backend = known && layouts.backend.decode(known);
    const { ip, port } = binding.backend;
    if (backend && equalIp(backend.addr, ip) && backend.port === port && backend.proto === proto)
      return { number, generation: backend.generation };
  }
  return undefined;
}

function missingOf(binding: HostPortBinding, held: HeldPort, { lookup }: HostPortInput): MapWrite[] {
  return entriesOf(binding, held).filter(({ map, key, value }) => {
    const present = lookup(map, key);
    return present === undefined || Buffer.compare(present, value) !== 0;
  });
}

interface Entry extends MapWrite {
  map: HostPortMap;
  value: Uint8Array;
}

function entriesOf(binding: HostPortBinding, { number, generation, frontends }: HeldPort): Entry[] {
  const { ip: addr, port } = binding.backend;
  const flags = backendFlags.BACKEND_LOCAL | backendFlags.BACKEND_ON_NODE;
  const proto = protocolNumbers[binding.protocol];
  const pool = { id: number, count: 1 };
  const frontendEntry = (key: string): Entry => {
    const loopback = isLoopback(layouts.frontendKey.decode(unpacked(key)).addr);
    const value = layouts.frontend.encode({
      ...{ internal: pool, external: pool, serviceId: number },
      flags: loopback ? frontendFlags.FRONTEND_LOOPBACK : 0,
      kind: frontendKind.FRONTEND_HOST_PORT,
    });
    return { map: 'frontends', op: 'update', key: unpacked(key), value };
  };
  return [
    {
      ...{ map: 'backends', op: 'update', key: indexKey(number) },
      value: layouts.backend.encode({ addr, port, proto, flags, generation, serviceId: number }),
    },
    {
      ...{ map: 'slots', op: 'update', key: layouts.slotKey.encode({ poolId: number, index: 0 }) },
      value: layouts.slot.encode({ backendId: number }),
    },
    ...frontends.map(frontendEntry),
  ];
}

/** What was held and no binding wants any more. A frontend that a Service or another binding has now is theirs. */
function stale(ports: readonly PlannedPort[], { held, lookup }: HostPortInput): MapWrite[] {
  const wanted = new Set(ports.map(({ number }) => number));
  const others = new Set(ports.flatMap(({ frontends }) => frontends));
  return [...held.values()].flatMap(({ number, frontends }) => {
    const gone = frontends.filter((key) => !others.has(key) && ownerOf(key, lookup) === number);
    return [...gone.map(frontendRemoval), ...(wanted.has(number) ? [] : numberRemovals(number))];
  });
}

/** The number of the host port that a frontend leads to; undefined where it is none, or a Service's. */
export function ownerOf(key: string, lookup: HostPortInput['lookup']): number | undefined {
  const value = lookup('frontends', unpacked(key));
  const frontend = value && layouts.frontend.decode(value);
  return frontend && isHostPort(frontend) ? frontend.serviceId : undefined;
}

export function frontendRemoval(key: string): MapWrite {
  return { map: 'frontends', op: 'delete', key: unpacked(key) };
}

export function numberRemovals(number: number): MapWrite[] {
  return [
    { map: 'slots', op: 'delete', key: layouts.slotKey.encode({ poolId: number, index: 0 }) },
    { map: 'backends', op: 'delete', key: indexKey(number) },
  ];
}

/** In the order of Services' writes. */
export function ordered(writes: readonly MapWrite[]): MapWrite[] {
  const of = (map: MapName) => writes.filter((write) => write.map === map);
  return inOrder({
    backends: of('backends'),
    slots: of('slots'),
    source_ranges: [],
    frontends: of('frontends'),
  });
}
