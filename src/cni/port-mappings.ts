/**
 * The capability `portMappings` (CNI conventions, runtimeConfig): which ports of the node lead to the pod. What is taken
 * and what is refused follows the reference plugin portmap.
 */
import { formatIp, type Ip, tryParseIp } from '../net/ip.ts';
import { type Protocol, protocolNumbers } from '../net/protocol.ts';
import { CniError, cniCodes } from './cni-error.ts';

export interface PortMapping {
  hostPort: number;
  containerPort: number;
  protocol: Protocol;
  /** An unspecified address stands for all of the node's of its family; absent: for those of both families. */
  hostIp?: Ip;
}

/**
 * Of a plugin's runtimeConfig, each once; none where it has no such capability.
 * @throws CniError 7 naming what is wrong
 */
export function parsePortMappings({ portMappings = [] }: Record<string, unknown>): PortMapping[] {
  if (!Array.isArray(portMappings)) throw invalid('portMappings is no list');
  const mappings = new Map<string, PortMapping>();
  for (const entry of portMappings) {
    const mapping = parseMapping(entry ?? {});
    mappings.set(JSON.stringify(mapping), mapping);
  }
  return [...mappings.values()];
}

/** As the capability has it; what `parsePortMappings` reads again. */
export function formatPortMappings(mappings: readonly PortMapping[]): object[] {
  return mappings.map(({ hostIp, ...rest }) => ({ ...rest, ...(hostIp && { hostIP: formatIp(hostIp) }) }));
}

/** Names of fields as Go's JSON takes them, whatever their case: containerd writes HostPort, ContainerPort, Protocol, HostIP. */
function parseMapping(entry: Record<string, unknown>): PortMapping {
  const fields = Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { hostport: hostPort, containerport: containerPort, protocol = 'tcp', hostip: hostIP = '' } = fields;
  const name = String(protocol).toUpperCase();
  if (!Object.hasOwn(protocolNumbers, name)) throw invalid(`a port mapping’s protocol is "${protocol}"`);
  return {
    hostPort: portNumber('hostPort', hostPort),
    containerPort: portNumber('containerPort', containerPort),
    protocol: name as Protocol,
    ...(hostIP !== '' && { hostIp: hostAddress(hostIP) }),
  };
}

function portNumber(field: string, value: unknown): number {
  if (Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536) return Number(value);
  throw invalid(`a port mapping’s ${field} is ${JSON.stringify(value)}, no port`);
}

function hostAddress(text: unknown): Ip {
  const ip = typeof text === 'string' ? tryParseIp(text) : undefined;
  if (ip === undefined) throw invalid(`a port mapping’s hostIP is ${JSON.stringify(text)}, no address`);
  return ip;
}

function invalid(message: string): CniError {
  return new CniError(cniCodes.invalidNetworkConfig, message);
}
