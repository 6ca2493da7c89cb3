/**
 * Kubernetes' channels over a WebSocket: the first byte of each message says which channel the rest is of. In the
 * base64 protocols messages are text: a digit, and the rest encoded. Version 5 adds `255 channel`: no more will come.
 */
import { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { Brake } from '../../util/brake.ts';

const closeSignal = 255;
const digitZero = 0x30;

export interface ChannelCodec {
  base64: boolean;
  /** Clients say when a channel ends, servers never; else all end with the connection. */
  endsChannels: boolean;
}

/** What a protocol's name says of it. */
export function codecOf(protocol: string): ChannelCodec {
  return { base64: protocol.includes('base64.'), endsChannels: protocol.startsWith('v5.') };
}

/** @throws RangeError for text that is no base64 */
export function decodeMessage(message: Buffer, { base64 }: ChannelCodec): { channel: number; data: Buffer } {
  const data = message.subarray(1);
  if (!base64) return { channel: message[0]!, data };
  const text = data.toString('latin1');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new RangeError('no base64');
  return { channel: message[0]! - digitZero, data: bytes };
}

/** Text for the base64 protocols, where a channel is one digit. */
export function encodeMessage(channel: number, data: Buffer, { base64 }: ChannelCodec): Buffer | string {
  return base64 ? `${channel}${data.toString('base64')}` : Buffer.concat([Buffer.of(channel), data]);
}

export class WebSocketChannels {
  readonly #socket: WebSocket;
  readonly #codec: ChannelCodec;
  readonly #brake: Brake;
  readonly #readables = new Map<number, Readable>();
  readonly #ended = new Set<number>();
  readonly #closed = Promise.withResolvers<void>();

  constructor(socket: WebSocket, codec: ChannelCodec) {
    this.#socket = socket;
    this.#codec = codec;
    this.#brake = new Brake(socket);
    socket.on('message', (message: Buffer) => this.#receive(message));
    socket.on('error', () => {}).on('close', () => this.#end());
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What the other side sends on a channel. What comes on others is thrown away. */
  readable(channel: number): Readable {
    const brake = this.#brake;
    const readable = new Readable({
      read() {
        brake.release(this);
      },
      destroy(error, done) {
        brake.release(this);
        done(error);
      },
    });
    this.#readables.set(channel, readable);
    return readable;
  }

  /** `tellsEnd`: a client's, whose end is told where the protocol has a way to. */
  writable(channel: number, { tellsEnd = false } = {}): Writable {
    const writable = new Writable({
      write: (data: Buffer, _encoding, done) => this.#send(channel, data, done),
      final: (done) => {
        if (tellsEnd && this.#codec.endsChannels) this.#socket.send(Buffer.of(closeSignal, channel), done);
        else done();
      },
    });
    // That the connection is gone is told by `closed`.
    return writable.on('error', () => {});
  }

  /** Tells the other side, before anything else, that the connection is there. */
  announce(channel: number, data: Buffer = Buffer.alloc(0)): void {
    this.#send(channel, data, () => {});
  }

  /** What comes from here on is thrown away, so that the other side's leave is not kept waiting by what nobody reads. */
  close(): void {
    for (const channel of this.#readables.keys()) this.#ended.add(channel);
    this.#socket.close(1000);
    this.#socket.resume();
  }

  #send(channel: number, data: Buffer, done: (error?: Error) => void): void {
    this.#socket.send(encodeMessage(channel, data, this.#codec), done);
  }

  #receive(message: Buffer): void {
    if (message.length === 0) return;
    if (this.#codec.endsChannels && message[0] === closeSignal) {
      if (message.length === 2) this.#endChannel(message[1]!);
      else this.#socket.close(1002);
      return;
    }
    try {
      const { channel, data } = decodeMessage(message, this.#codec);
      this.#push(channel, data);
    } catch {
      // kube-apiserver drops such a message and goes on.
    }
  }

  #push(channel: number, data: Buffer): void {
    const readable = this.#readables.get(channel);
    // Data behind a channel's end is dropped too.
    if (readable !== undefined && data.length > 0 && !this.#ended.has(channel))
      this.#brake.feed(readable, data);
  }

  #endChannel(channel: number): void {
    this.#ended.add(channel);
    this.#readables.get(channel)?.push(null);
  }

  #end(): void {
    for (const channel of this.#readables.keys()) this.#endChannel(channel);
    this.#closed.resolve();
  }
}
