/**
 * Serial numbers of the zones: the second of the last change that answers could show. Which changes do is CoreDNS's
 * rule: everything that appears or vanishes, and updates of what records are made of.
 */
import { deepEqual } from '../../../kube/deep-equal.ts';
import type { EndpointSlice, Pod, Service } from '../../../kube/types.ts';
import { clusterService, importedService } from './cluster-service.ts';
import { packEndpoints, ReadySlice } from './kept-objects.ts';
import type { ServiceImport } from './service-import.ts';

export interface Touched {
  internal?: boolean;
  external?: boolean;
  multicluster?: boolean;
}

export class ZoneSerials {
  internal = 0;
  external = 0;
  multicluster = 0;
  /** Grows with each change of any zone's records, where several may have one serial number. */
  changes = 0;
  readonly #now: () => number;

  /** `now`: ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  touch({ internal, external, multicluster }: Touched): void {
    this.changes++;
    const second = Math.floor(this.#now() / 1000);
    if (internal) this.internal = second;
    if (external) this.external = second;
    if (multicluster) this.multicluster = second;
  }
}

interface Versions<T> {
  old: T | undefined;
  new: T | undefined;
}

export function serviceDiffers({ old, new: now }: Versions<Service>): Touched {
  const a = old && clusterService(old);
  const b = now && clusterService(now);
  if (a === undefined || b === undefined)
    return { internal: true, external: (a ?? b)!.externalIps.length > 0 };
  const ports = !deepEqual(a.ports, b.ports);
  return {
    internal: ports || a.externalName !== b.externalName,
    external: ports || !deepEqual(a.externalIps, b.externalIps),
  };
}

export function importDiffers({ old, new: now }: Versions<ServiceImport>): boolean {
  if (old === undefined || now === undefined) return true;
  const [a, b] = [importedService(old), importedService(now)];
  return a.kind !== b.kind || !deepEqual(a.ports, b.ports);
}

/** Also true where the slice has come to belong to another Service. */
export function endpointsDiffer({ old, new: now }: Versions<EndpointSlice>): boolean {
  if (old === undefined || now === undefined) return true;
  return (
    packedOf(old) !== packedOf(now) ||
    !deepEqual(old.ports ?? [], now.ports ?? []) ||
    !deepEqual(old.metadata.labels ?? {}, now.metadata.labels ?? {})
  );
}

function packedOf(slice: EndpointSlice): string {
  return slice instanceof ReadySlice ? slice.packed : packEndpoints(slice.endpoints);
}

export function podDiffers({ old, new: now }: Versions<Pod>): boolean {
  return old?.status?.podIP !== now?.status?.podIP;
}
