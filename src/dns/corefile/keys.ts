/** Keys of server blocks: `[TRANSPORT://]ZONE[:PORT]`, where the zone may be a CIDR. */
import type { Place, ServerKey, TransportName } from './directive.ts';
import { transports } from './directive.ts';
import { corefileError, zonesOfText } from './options.ts';

export const defaultPorts: Readonly<Record<TransportName, number>> = {
  dns: 53,
  tls: 853,
  quic: 853,
  https: 443,
  grpc: 443,
};

/** What is served today; the others are refused by name. */
const served: readonly TransportName[] = ['dns', 'tls'];

/** The keys that one word stands for: several for a CIDR that ends inside an octet or a nibble. @throws COREFILE */
export function serverKeysOf(word: string, at: Place, dnsPort = defaultPorts.dns): ServerKey[] {
  const { transport, rest } = splitTransport(word, at);
  const { host, port = transport === 'dns' ? dnsPort : defaultPorts[transport] } = splitPort(rest, at);
  return zonesOfText(host, at).map((zone) => ({ transport, zone, port }));
}

function splitTransport(word: string, at: Place): { transport: TransportName; rest: string } {
  const [scheme, rest] = word.includes('://') ? word.split(/:\/\/(.*)/s) : ['dns', word];
  const transport = transports.find((name) => name === scheme!.toLowerCase());
  if (transport === undefined)
    throw corefileError(at, `"${scheme}" is no transport`, `There are ${transports.join(', ')}.`);
  if (!served.includes(transport))
    throw corefileError(
      at,
      `the transport "${transport}" is not served yet`,
      `Serve ${word.replace(scheme!, 'dns')} or ${word.replace(scheme!, 'tls')} instead.`,
    );
  return { transport, rest: rest! };
}

/** A port is digits behind the last colon; an IPv6 CIDR always ends with its prefix length. */
function splitPort(text: string, at: Place): { host: string; port?: number } {
  const colon = text.lastIndexOf(':');
  if (colon === -1) return { host: text };
  const digits = text.slice(colon + 1);
  if (digits === '') throw corefileError(at, `"${text}" lacks its port behind the last colon`);
  if (!/^\d+$/.test(digits)) return { host: text };
  const port = Number(digits);
  if (port > 65_535) throw corefileError(at, `"${digits}" is no port`, 'Ports are 1 to 65535.');
  return { host: text.slice(0, colon), port };
}

/** A key as CoreDNS writes it: `dns://example.org.:53`. */
export function formatKey({ transport, zone, port }: ServerKey, address?: string): string {
  const key = `${transport}://${zone}.:${port}`;
  return address === undefined ? key : `${key} on ${address}`;
}
