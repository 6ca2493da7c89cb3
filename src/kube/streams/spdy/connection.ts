/** A SPDY connection: streams that the client opens, each read and written by itself by either side. */
import { Duplex } from 'node:stream';
import { Brake } from '../../../util/brake.ts';
import { UnreadAnswers } from '../unread-answers.ts';
import { encodeFrame, resetStatus, type SpdyFrame, SpdyFrameReader } from './frame.ts';
import { HeaderEncoder, type SpdyHeaders } from './header-block.ts';

/** More than a client needs that forwards a browser's connections. */
const maxStreams = 1000;
/** Other connections wait no longer for the frames of this one, however many came at once. */
const sliceMs = 5;
const goAwayOk = 0;
/** For what is on its way to the client at the end. */
const lingerMs = 5000;

/** Ends when the other side has no more to send; ending it says the same to the other side; destroying resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #connection: SpdyConnection;
  /** The other side has nothing more to send. */
  hasEnded = false;
  /** The other side has given it up. */
  isReset = false;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    super({ emitClose: true });
    this.id = id;
    this.headers = headers;
    this.#connection = connection;
    // The other side learns of it by the reset, everybody else by `close`.
    this.on('error', () => {});
  }

  override _read(): void {
    this.#connection.brake.release(this);
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.send({ type: 'data', streamId: this.id, fin: false, data }, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.send({ type: 'data', streamId: this.id, fin: true, data: Buffer.alloc(0) }, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.forget(this);
    const over = this.isReset || (this.readableEnded && this.writableFinished);
    if (!over) this.#connection.send({ type: 'rst-stream', streamId: this.id, status: resetStatus.cancel });
    done(error);
  }
}

export class SpdyConnection {
  /** Stops reading while a stream is not read: there are no windows. */
  readonly brake: Brake;
  readonly #transport: Duplex;
  readonly #onStream: (stream: SpdyStream) => boolean;
  /** Pings that are questions, not answers: a client's are odd, a server's even. */
  readonly #asksByOdd: boolean;
  readonly #encoder = new HeaderEncoder();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #closed = Promise.withResolvers<void>();
  /** Streams have higher and higher numbers. */
  #nextStreamId = 1;
  #isClosed = false;
  /** What its streams have to say waits by itself. */
  readonly #unread = new UnreadAnswers();

  /** `onStream` says whether a stream of the client's is wanted; it is refused otherwise. A client has none to take. */
  constructor(transport: Duplex, onStream?: (stream: SpdyStream) => boolean) {
    this.#transport = transport;
    this.brake = new Brake(transport);
    this.#onStream = onStream ?? (() => false);
    this.#asksByOdd = onStream !== undefined;
    const reader = new SpdyFrameReader();
    transport.on('error', () => {}).on('close', () => this.close());
    transport.on('end', () => this.close());
    transport.on('data', (chunk: Buffer) => {
      if (!this.#isClosed) this.#receiveAll(reader.push(chunk));
    });
  }

  /** Resolves when either side has closed it, or it broke. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** A stream of the client's own, which may be written to at once. */
  open(headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(this, this.#nextStreamId, headers);
    this.#nextStreamId += 2;
    this.#streams.set(stream.id, stream);
    this.send({ type: 'syn-stream', streamId: stream.id, fin: false, headers });
    return stream;
  }

  /** Resets every stream, takes leave, and closes the connection once that is sent. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    for (const stream of this.#streams.values()) stream.destroy();
    this.send({ type: 'goaway', lastStreamId: Math.max(0, this.#nextStreamId - 2), status: goAwayOk });
    this.#isClosed = true;
    this.#transport.end();
    this.#transport.resume();
    // One who has gone without a word would keep half a connection open.
    setTimeout(() => this.#transport.destroy(), lingerMs).unref();
    this.#closed.resolve();
  }

  /** For the connection's streams. */
  send(frame: SpdyFrame, done: (error?: Error | null) => void = () => {}): void {
    if (this.#isClosed || !this.#transport.writable) {
      done(new Error('the connection is closed'));
      return;
    }
    const bytes = encodeFrame(frame, this.#encoder);
    if (frame.type === 'data') this.#transport.write(bytes, done);
    else this.#answer(bytes, done);
  }

  #answer(bytes: Buffer, done: (error?: Error | null) => void): void {
    const taken = this.#unread.add(bytes.length);
    this.#transport.write(bytes, (error) => {
      taken();
      done(error);
    });
    if (this.#unread.areTooMany) this.#transport.destroy();
  }

  forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
    this.brake.release(stream);
  }

  /** Slice by slice; the transport waits meanwhile. */
  #receiveAll(frames: Iterator<SpdyFrame>): void {
    const end = performance.now() + sliceMs;
    try {
      for (let next = frames.next(); !next.done; next = frames.next()) {
        this.#receive(next.value);
        if (this.#isClosed) return;
        if (performance.now() < end) continue;
        this.brake.hold(this);
        setImmediate(() => this.#receiveAll(frames));
        return;
      }
    } catch {
      this.#transport.destroy();
    }
    this.brake.release(this);
  }

  #receive(frame: SpdyFrame): void {
    if (frame.type === 'syn-stream') this.#open(frame.streamId, frame.headers, frame.fin);
    else if (frame.type === 'data') this.#take(frame.streamId, frame.data, frame.fin);
    else if (frame.type === 'headers') this.#take(frame.streamId, undefined, frame.fin);
    else if (frame.type === 'rst-stream') this.#reset(frame.streamId);
    else if (frame.type === 'ping' && (frame.id % 2 === 1) === this.#asksByOdd) this.send(frame);
    else if (frame.type === 'goaway') this.close();
  }

  #open(streamId: number, headers: SpdyHeaders, fin: boolean): void {
    const isNew = streamId >= this.#nextStreamId;
    if (isNew) this.#nextStreamId = streamId + 2;
    if (!isNew || this.#streams.size >= maxStreams) {
      const status = isNew ? resetStatus.refusedStream : resetStatus.protocolError;
      this.send({ type: 'rst-stream', streamId, status });
      return;
    }
    const stream = new SpdyStream(this, streamId, headers);
    this.#streams.set(streamId, stream);
    if (!this.#onStream(stream)) {
      stream.destroy();
      return;
    }
    this.send({ type: 'syn-reply', streamId, fin: false, headers: new Map() });
    if (fin) this.#take(streamId, undefined, true);
  }

  #take(streamId: number, data: Buffer | undefined, fin: boolean): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.hasEnded) return;
    if (data !== undefined && data.length > 0) this.brake.feed(stream, data);
    if (!fin) return;
    stream.hasEnded = true;
    stream.push(null);
  }

  #reset(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.isReset = true;
    stream.destroy();
  }
}
