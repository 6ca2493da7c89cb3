/**
 * From an upgraded connection to a session:
 *
 *     SPDY ──────────────────┬─► streams ──► command: serveCommand    error stdin stdout stderr resize
 *     WebSocket, tunnelling ─┘          └──► ports: PortForwards      pairs of streams, any number
 *     WebSocket ───────────────► channels ─► the same, numbered
 */
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { SpdyConnection, type SpdyStream } from '../../../kube/streams/spdy/connection.ts';
import { firstValue } from '../../../kube/streams/spdy/header-block.ts';
import { UnreadAnswers } from '../../../kube/streams/unread-answers.ts';
import { codecOf, WebSocketChannels } from '../../../kube/streams/websocket-channels.ts';
import type { Protocol } from './negotiation.ts';
import { forward, PortForwards, parsePort, streamCreationMs } from './port-forward.ts';
import { type ClientStreams, serveCommand } from './remote-command.ts';
import type { StreamTarget, WantedStreams } from './stream-target.ts';

/** kubelet's --streaming-connection-idle-timeout. */
const idleMs = 4 * 3600 * 1000;
/** As golang.org/x/net/websocket has it. */
const maxMessageBytes = 32 << 20;

type CommandTarget = Extract<StreamTarget, { kind: 'command' }>;
type PortsTarget = Extract<StreamTarget, { kind: 'ports' }>;

export interface UpgradeRequest {
  message: IncomingMessage;
  socket: Duplex & { setTimeout?: (ms: number, then: () => void) => unknown };
  /** What the client has sent behind its request. */
  head: Buffer;
}

/** Answers the request with the protocol and serves it; the connection is the session's from here on. */
export function serveStreams(request: UpgradeRequest, protocol: Protocol, target: StreamTarget): void {
  const { socket, head } = request;
  socket.on('error', () => {});
  socket.setTimeout?.(idleMs, () => socket.destroy());
  if (protocol.transport === 'spdy') {
    socket.unshift(head);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol.name}\r\n\r\n`,
    );
    serveSpdy(socket, protocol.name, target);
    return;
  }
  acceptWebSocket(request, protocol.name, (webSocket) => {
    if (protocol.transport === 'tunnel') serveSpdy(createWebSocketStream(webSocket), protocol.name, target);
    else if (target.kind === 'command') serveCommandChannels(webSocket, protocol.name, target);
    else servePortChannels(webSocket, protocol.name, target);
  });
}

/** `ws` takes no name that is no token, as `SPDY/3.1+portforward.k8s.io`; so it learns of no protocol at all. */
function acceptWebSocket(
  { message, socket, head }: UpgradeRequest,
  protocol: string,
  accepted: (webSocket: WebSocket) => void,
): void {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    autoPong: false,
    maxPayload: maxMessageBytes,
  });
  if (protocol !== '')
    server.on('headers', (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  delete message.headers['sec-websocket-protocol'];
  server.handleUpgrade(message, socket, head, (webSocket) => {
    answerPings(webSocket);
    accepted(webSocket);
  });
}

/** `ws` itself would do it for a client that reads no answers, too. */
function answerPings(webSocket: WebSocket): void {
  const unread = new UnreadAnswers();
  webSocket.on('ping', (data) => {
    webSocket.pong(data, false, unread.add(data.length));
    if (unread.areTooMany) webSocket.terminate();
  });
}

function serveSpdy(transport: Duplex, protocol: string, target: StreamTarget): void {
  if (target.kind === 'command') {
    serveSpdyCommand(transport, protocol, target);
    return;
  }
  const forwards = new PortForwards(target.connect);
  new SpdyConnection(transport, (stream) => forwards.add(stream));
}

const streamTypes = new Set(['error', 'stdin', 'stdout', 'stderr', 'resize']);

/** The names of streams that a client must open before anything begins. */
function expected({ stdin, stdout, stderr, tty }: WantedStreams, resizes: boolean): string[] {
  const wanted = { error: true, stdin, stdout, stderr: stderr && !tty, resize: tty && resizes };
  return Object.entries(wanted).flatMap(([name, isWanted]) => (isWanted ? [name] : []));
}

function serveSpdyCommand(transport: Duplex, protocol: string, target: CommandTarget): void {
  const missing = new Set(expected(target.streams, /^v[34]\./.test(protocol)));
  const streams = new Map<string, SpdyStream>();
  const connection = new SpdyConnection(transport, (stream) => {
    const type = firstValue(stream.headers, 'streamtype');
    if (!streamTypes.has(type) || streams.has(type)) return false;
    streams.set(type, stream);
    if (missing.delete(type) && missing.size === 0) begin();
    return true;
  });
  const late = setTimeout(() => connection.close(), streamCreationMs);
  void connection.closed.then(() => clearTimeout(late));
  const begin = () => {
    clearTimeout(late);
    const client: ClientStreams = {
      stdin: streams.get('stdin'),
      stdout: streams.get('stdout'),
      stderr: streams.get('stderr'),
      resize: streams.get('resize'),
      error: streams.get('error')!,
      closed: connection.closed,
      close: () => connection.close(),
    };
    // The last stream's reply goes first.
    setImmediate(() => void serveCommand(client, target, { jsonStatus: protocol.startsWith('v4.') }));
  };
}

function serveCommandChannels(webSocket: WebSocket, protocol: string, target: CommandTarget): void {
  const channels = new WebSocketChannels(webSocket, codecOf(protocol));
  const { stdin, stdout, stderr, tty } = target.streams;
  const showsErrors = stderr && !tty;
  channels.announce(stdout ? 1 : showsErrors ? 2 : 3);
  const client: ClientStreams = {
    stdin: stdin ? channels.readable(0) : undefined,
    stdout: stdout ? channels.writable(1) : undefined,
    stderr: showsErrors ? channels.writable(2) : undefined,
    error: channels.writable(3),
    resize: channels.readable(4),
    closed: channels.closed,
    close: () => channels.close(),
  };
  // What comes by version 5 is translated in a cluster, and words an exit status anew.
  const translated = protocol.startsWith('v5.') ? { describeExit } : {};
  void serveCommand(client, { ...target, ...translated }, { jsonStatus: /^v[45]\./.test(protocol) });
}

const describeExit = (code: number) => `command terminated with exit code ${code}`;

/** A pair of channels for each port, which one connection is made for at once; both begin with the port's number. */
function servePortChannels(webSocket: WebSocket, protocol: string, { ports, connect }: PortsTarget): void {
  const channels = new WebSocketChannels(webSocket, codecOf(protocol));
  const forwarded = ports.map(async (text, i) => {
    const port = parsePort(text)!;
    const number = Buffer.of(port & 0xff, port >> 8);
    channels.announce(2 * i, number);
    channels.announce(2 * i + 1, number);
    const data = Duplex.from({ readable: channels.readable(2 * i), writable: channels.writable(2 * i) });
    await forward(connect(port), data, channels.writable(2 * i + 1));
  });
  void Promise.all(forwarded).then(() => channels.close());
}
