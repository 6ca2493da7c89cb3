/** The TO words of `forward`: addresses with transport, port and TLS name, files like resolv.conf, host names. */
import { isIP, isIPv6 } from 'node:net';
import type { Place } from '../../corefile/directive.ts';
import { corefileError } from '../../corefile/options.ts';
import { labelsOf } from '../../message/name.ts';
import { nameserversOf } from '../../resolv-conf.ts';

export interface UpstreamAddress {
  transport: 'dns' | 'tls';
  /** An IP address, without zone and brackets; or a host name, where `isName`. */
  host: string;
  port: number;
  /** What the server's certificate must be for: `tls://9.9.9.9%dns.quad9.net`. */
  serverName?: string;
  isName?: boolean;
}

const defaultPorts = { dns: 53, tls: 853 } as const;

/** Reads one TO; a file may name several servers, or none. @throws TendrilError COREFILE */
export function upstreamAddresses(
  text: string,
  { at, readFile }: { at: Place; readFile: (path: string) => string | undefined },
): UpstreamAddress[] {
  const address = parseUpstream(text, at);
  if (isIP(address.host) !== 0) return [address];
  const file = readFile(text);
  if (file !== undefined) return nameserversOf(file).flatMap((word) => nameserver(word));
  if (!isHostName(address.host))
    throw corefileError(at, `"${text}" is no IP address, no file that can be read and no host name`);
  return [{ ...address, isName: true }];
}

/** An IPv6 address of a resolv.conf may have a zone, which CoreDNS drops; a line that is wrong is left out. */
function nameserver(word: string): UpstreamAddress[] {
  const host = word.replace(/%.*$/, '');
  return isIP(host) === 0 ? [] : [{ transport: 'dns', host, port: defaultPorts.dns }];
}

function parseUpstream(text: string, at: Place): UpstreamAddress {
  const [, scheme = 'dns', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(text) ?? [];
  if (scheme !== 'dns' && scheme !== 'tls')
    throw corefileError(
      at,
      `"${text}": ${scheme} is not supported as a protocol to forward by`,
      'Use dns:// or tls://.',
    );
  const { address, serverName } = splitServerName(rest);
  const { host, port = defaultPorts[scheme] } = splitPort(address);
  if (host === '' || port < 1 || port > 65_535) throw corefileError(at, `"${text}" is no address`);
  return { transport: scheme, host, port, ...(scheme === 'tls' && serverName && { serverName }) };
}

/** What stands between the last `%` and the port: a TLS name, or for plain DNS a zone, which is dropped. */
function splitServerName(text: string): { address: string; serverName?: string } {
  const match = /^(\[?)([^%]*)%([^\]:]*)\]?(:\d+)?$/.exec(text);
  if (match === null) return { address: text };
  const [, bracket, host, serverName, port = ''] = match;
  return { address: `${bracket}${host}${bracket && ']'}${port}`, serverName };
}

function splitPort(text: string): { host: string; port?: number } {
  if (isIPv6(text)) return { host: text };
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return { host: text };
  const [, inBrackets, bare, port] = match;
  return { host: inBrackets ?? bare!, ...(port !== undefined && { port: Number(port) }) };
}

function isHostName(text: string): boolean {
  try {
    return !text.includes('/') && labelsOf(text).length > 0;
  } catch {
    return false;
  }
}
