/**
 * What a container wrote, out of its log. The log has CRI's format (native/launcher/log.h): each entry is a time, a stream,
 * a tag and text; tag P says that the line goes on in the stream's next entry. A time always has nine digits and is
 * UTC, so texts begin at one place.
 */

/** Bytes before an entry's text. */
export const headBytes = '2026-11-26T17:00:00.123456789Z stdout F '.length;
const timeBytes = '2026-11-26T17:00:00.123456789Z'.length;
const streamAt = timeBytes + 1;
const tagAt = headBytes - 2;

const newline = 0x0a;
const partial = 'P'.charCodeAt(0);
const letterOf = { stdout: 'o'.charCodeAt(0), stderr: 'e'.charCodeAt(0) };
/** In `stdout` and `stderr` the letter that tells them apart. */
const letterAt = streamAt + 'std'.length;

export type LogStream = keyof typeof letterOf;

export interface LogTextOptions {
  /** Before each line its time, as kubelet writes it. */
  timestamps?: boolean;
  /** Only what was written then or later, in ms since 1970. */
  since?: number;
  /** Only this one's; absent: both, as they came. */
  stream?: LogStream;
}

/** Whether the line of the entry whose head begins at `start` goes on in another one. */
export const goesOn = (bytes: Buffer, start: number): boolean => bytes[start + tagAt] === partial;

/** Where the entry at `start` is over; 0: not in these bytes. */
const after = (bytes: Buffer, start: number): number => bytes.indexOf(newline, start) + 1;

/** Turns a log's bytes, however they are cut, into text. */
export class LogText {
  readonly #options: LogTextOptions;
  readonly #since: string;
  /** An entry whose end is yet to come. */
  #begun: Buffer = Buffer.alloc(0);
  /** What was given last is no whole line. */
  #inLine = false;

  constructor(options: LogTextOptions) {
    this.#options = options;
    this.#since = options.since === undefined ? '' : entryTime(options.since);
  }

  take(chunk: Buffer): Buffer {
    const bytes = this.#begun.length > 0 ? Buffer.concat([this.#begun, chunk]) : chunk;
    // An entry's text takes less than the entry, its time included.
    const text = Buffer.allocUnsafe(bytes.length);
    let length = 0;
    let start = 0;
    for (let next = after(bytes, start); next > 0; next = after(bytes, start)) {
      if (this.#wanted(bytes, start)) length = this.#write(text, length, bytes.subarray(start, next));
      start = next;
    }
    this.#begun = Buffer.from(bytes.subarray(start));
    return text.subarray(0, length);
  }

  /** What follows is not what came next: gives what ends the line that was begun. */
  skip(): Buffer {
    const end = Buffer.from(this.#inLine ? '\n' : '');
    this.#begun = Buffer.alloc(0);
    this.#inLine = false;
    return end;
  }

  #wanted(bytes: Buffer, start: number): boolean {
    const { stream } = this.#options;
    if (stream !== undefined && bytes[start + letterAt] !== letterOf[stream]) return false;
    return this.#since === '' || bytes.toString('latin1', start, start + timeBytes) >= this.#since;
  }

  #write(text: Buffer, at: number, entry: Buffer): number {
    let length = at;
    if (this.#options.timestamps && !this.#inLine) length += entry.copy(text, length, 0, timeBytes + 1);
    this.#inLine = goesOn(entry, 0);
    return length + entry.copy(text, length, headBytes, entry.length - (this.#inLine ? 1 : 0));
  }
}

const entryTime = (ms: number) => new Date(ms).toISOString().replace('Z', '000000Z');

/** The entry of a line, for tests: without its end it goes on. */
export function logEntry(text: string, { ms = 0, stream = 'stdout' as LogStream } = {}): string {
  const whole = text.endsWith('\n');
  return `${entryTime(ms)} ${stream} ${whole ? 'F' : 'P'} ${whole ? text : `${text}\n`}`;
}
