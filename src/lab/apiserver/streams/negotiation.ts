/**
 * Which protocol a client gets, as kubelet and its streaming server choose (k8s.io/cri-streaming, k8s.io/streaming):
 * the first of the client's that the server has. Refusals are plain text there, not a Status.
 */
import type { IncomingHttpHeaders } from 'node:http';

const spdyCommand = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
export const spdyPorts = 'portforward.k8s.io';
/** None at all is a protocol too: the first one there was. */
const webSocketPorts = ['', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];
const webSocketCommand = [...webSocketPorts, 'channel.k8s.io', 'base64.channel.k8s.io'];
const withEndsOfChannels = 'v5.channel.k8s.io';
const tunnelPrefix = 'SPDY/3.1+';

export type Protocol =
  | { transport: 'spdy'; name: string }
  | { transport: 'websocket'; name: string }
  /** SPDY in the messages of a WebSocket. */
  | { transport: 'tunnel'; name: string };

export interface Refusal {
  status: number;
  text: string;
  headers?: Record<string, string[]>;
}

const listOf = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');

const goList = (names: readonly string[]) => `[${names.join(' ')}]`;

/** `ports`: those that the query names. */
export function negotiate(
  headers: IncomingHttpHeaders,
  { kind, ports = [] }: { kind: 'command' | 'ports'; ports?: readonly string[] },
): Protocol | Refusal {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return negotiateSpdy(headers, kind);
  const offered = listOf(headers['sec-websocket-protocol']);
  const tunnelled = offered.filter((name) => name.startsWith(tunnelPrefix) && name.endsWith('.k8s.io'));
  if (kind === 'ports' && tunnelled.length > 0) {
    const names = tunnelled.map((name) => name.slice(tunnelPrefix.length));
    const chosen = chooseSpdy(names, [spdyPorts]);
    return typeof chosen === 'string' ? { transport: 'tunnel', name: `${tunnelPrefix}${chosen}` } : chosen;
  }
  if (kind === 'ports' && ports.length === 0)
    return { status: 400, text: 'query parameter "port" is required' };
  return negotiateWebSocket(offered, kind);
}

function negotiateWebSocket(offered: readonly string[], kind: 'command' | 'ports'): Protocol | Refusal {
  if (kind === 'command' && offered.includes(withEndsOfChannels))
    return { transport: 'websocket', name: withEndsOfChannels };
  const served = kind === 'command' ? webSocketCommand : webSocketPorts;
  const name = (offered.length === 0 ? [''] : offered).find((each) => served.includes(each));
  return name === undefined ? { status: 403, text: '' } : { transport: 'websocket', name };
}

function negotiateSpdy(headers: IncomingHttpHeaders, kind: 'command' | 'ports'): Protocol | Refusal {
  const header = headers['x-stream-protocol-version'];
  if (header === undefined) {
    const count = Object.keys(headers).filter((name) => name !== 'host').length;
    return badRequest(`header X-Stream-Protocol-Version does not exist in request with ${count} headers`);
  }
  const offered = listOf(header);
  if (offered.length === 0)
    return badRequest(
      `header X-Stream-Protocol-Version contains ${goList([header].flat())}, but no valid protocols`,
    );
  const name = chooseSpdy(offered, kind === 'command' ? spdyCommand : [spdyPorts]);
  if (typeof name !== 'string') return name;
  if (headers.upgrade?.toLowerCase().includes('spdy/3.1')) return { transport: 'spdy', name };
  return badRequest(`missing upgrade headers in request: ${JSON.stringify(headers)}`);
}

function chooseSpdy(offered: readonly string[], served: readonly string[]): string | Refusal {
  const name = offered.find((each) => served.includes(each));
  if (name !== undefined) return name;
  const why = `client supports ${goList(offered)}, server accepts ${goList(served)}`;
  return {
    status: 403,
    text: `unable to upgrade: unable to negotiate protocol: ${why}\n`,
    headers: { 'X-Accepted-Stream-Protocol-Versions': [...served] },
  };
}

function badRequest(why: string): Refusal {
  return { status: 400, text: `unable to upgrade: ${why}\n` };
}
