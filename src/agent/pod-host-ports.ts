/** A pod's host ports from its CNI call to the address store, which outlives the agent, and from there to the datapath. */
import { formatPortMappings, parsePortMappings } from '../cni/port-mappings.ts';
import type { PodRequest } from '../cni/server/handler.ts';
import type { Allocation } from '../ipam/node-ipam.ts';
import type { PodHostPorts } from '../service/model/host-port.ts';

/** For the allocation's note; nothing where the pod has none. @throws CniError 7 */
export function hostPortsNote({ runtimeConfig }: Pick<PodRequest, 'runtimeConfig'>): Record<string, string> {
  const mappings = parsePortMappings(runtimeConfig);
  return mappings.length > 0 ? { portMappings: JSON.stringify(formatPortMappings(mappings)) } : {};
}

/** Undefined where the pod has none. */
export function hostPortsOf({ containerId, ifName, ips, note }: Allocation): PodHostPorts | undefined {
  if (note.portMappings === undefined) return undefined;
  const name = note.pod === undefined ? containerId : `${note.namespace}/${note.pod}`;
  const ports = parsePortMappings({ portMappings: JSON.parse(note.portMappings) });
  return { key: hostPortsKey({ containerId, ifName }), name, ips, ports };
}

export function hostPortsKey({ containerId, ifName }: Pick<Allocation, 'containerId' | 'ifName'>): string {
  return `${containerId}/${ifName}`;
}
