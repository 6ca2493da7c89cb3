/** For tests: the client's side of a SPDY connection, as far as Kubernetes' clients go. */
import type { Duplex } from 'node:stream';
import { encodeFrame, type SpdyFrame, SpdyFrameReader } from './frame.ts';
import { HeaderEncoder } from './header-block.ts';

export class SpdyTestClient {
  readonly frames: SpdyFrame[] = [];
  readonly transport: Duplex;
  readonly #encoder = new HeaderEncoder();
  #nextId = 1;

  constructor(transport: Duplex) {
    this.transport = transport;
    const reader = new SpdyFrameReader();
    transport.on('data', (chunk: Buffer) => this.frames.push(...reader.push(chunk)));
  }

  send(frame: SpdyFrame): void {
    this.transport.write(encodeFrame(frame, this.#encoder));
  }

  /** The number of a new stream. */
  open(headers: Record<string, string>, streamId = this.#nextId): number {
    this.#nextId = streamId + 2;
    this.send({ type: 'syn-stream', streamId, fin: false, headers: new Map(Object.entries(headers)) });
    return streamId;
  }

  write(streamId: number, text: string | Buffer, fin = false): void {
    this.send({ type: 'data', streamId, fin, data: Buffer.from(text as string) });
  }

  end(streamId: number): void {
    this.write(streamId, '', true);
  }

  /** What a stream has said. */
  text(streamId: number): string {
    const data = this.frames.flatMap((f) => (f.type === 'data' && f.streamId === streamId ? [f.data] : []));
    return Buffer.concat(data).toString();
  }

  has(type: SpdyFrame['type'], more: Partial<SpdyFrame> = {}): boolean {
    const wanted = Object.entries({ type, ...more });
    return this.frames.some((f) => wanted.every(([key, value]) => f[key as keyof SpdyFrame] === value));
  }
}
