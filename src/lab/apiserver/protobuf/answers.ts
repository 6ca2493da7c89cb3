/** Answers in protobuf: objects, lists and the events of a watch. Stored objects are encoded once, whoever they go to. */
import { isJsonObject, type JsonObject } from '../json.ts';
import type { StreamEvent } from '../rest/watch-stream.ts';
import { writeMessage } from './encode.ts';
import { prefix } from './envelope.ts';
import { loadMessageTypes, type MessageType, type MessageTypes } from './message-types.ts';
import { wire } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const pieceBytes = 64 * 1024;
/** So many objects are encoded before others get their turn. */
const batchSize = 50;

const writer = new WireWriter();
const messages = new WeakMap<object, Buffer>();

/** The object's message, without an envelope. */
function messageOf(type: MessageType, object: object): Buffer {
  const known = messages.get(object);
  if (known !== undefined) return known;
  writeMessage(writer, type, object);
  const bytes = writer.take();
  if (Object.isFrozen(object)) messages.set(object, bytes);
  return bytes;
}

function lengthOf(number: number, bytes: number): Buffer {
  writer.varint(bytes);
  writer.tag(number, wire.bytes);
  return writer.take();
}

/** What comes before a message of so many bytes. */
function headOf({ apiVersion, kind }: { apiVersion?: string; kind?: string }, bytes: number): Buffer {
  writer.bytes(lengthOf(2, bytes));
  const from = writer.length;
  for (const [number, text] of [
    [2, kind],
    [1, apiVersion],
  ] as const) {
    const start = writer.length;
    writer.text(text ?? '');
    writer.close(number, start);
  }
  writer.close(1, from);
  writer.bytes(prefix);
  return writer.take();
}

/** What comes after it: encoding and content type of what is no message. */
const tail = Buffer.from([0x1a, 0, 0x22, 0]);

function encodeObject(type: MessageType, object: JsonObject): Buffer {
  const message = messageOf(type, object);
  return Buffer.concat([headOf(object, message.length), message, tail]);
}

/** Undefined for what is JSON alone: tables, discovery, custom resources. */
export async function encodeAnswer(body: unknown): Promise<Iterator<Uint8Array> | undefined> {
  if (!isJsonObject(body)) return undefined;
  const type = (await loadMessageTypes()).ofKind(body.apiVersion, body.kind);
  if (type === undefined) return undefined;
  const item = type.fields.find(({ name, holds }) => name === 'items' && holds === 'list')?.message;
  if (item === undefined || !Array.isArray(body.items)) return [encodeObject(type, body)].values();
  const parts: Buffer[] = [];
  for (const [i, object] of (body.items as object[]).entries()) {
    if (i % batchSize === batchSize - 1) await new Promise(setImmediate);
    const message = messageOf(item, object);
    parts.push(lengthOf(2, message.length), message);
  }
  const list = messageOf(type, { ...body, items: [] });
  const bytes = parts.reduce((sum, part) => sum + part.length, list.length);
  return pieces([headOf(body, bytes), list, ...parts, tail]);
}

function* pieces(parts: Buffer[]): Generator<Buffer> {
  let piece: Buffer[] = [];
  let bytes = 0;
  for (const part of parts) {
    piece.push(part);
    bytes += part.length;
    if (bytes < pieceBytes) continue;
    yield Buffer.concat(piece);
    piece = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(piece);
}

const frames = new WeakMap<object, { type: string; frame: Uint8Array }>();

/** A WatchEvent after its length in four bytes. The last one made of an object is kept, as lines in JSON are. */
export function encodeFrame(types: MessageTypes, { type, object }: StreamEvent): Uint8Array {
  const known = frames.get(object);
  if (known?.type === type) return known.frame;
  const { apiVersion, kind } = object as JsonObject;
  const message = types.ofKind(apiVersion, kind);
  if (message === undefined) throw new Error(`${kind} of ${apiVersion} has no form in protobuf`);
  writer.bytes(encodeObject(message, object));
  writer.close(1, 0);
  writer.close(2, 0);
  const from = writer.length;
  writer.text(type);
  writer.close(1, from);
  const event = writer.take();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  const frame = Buffer.concat([length, event]);
  if (Object.isFrozen(object)) frames.set(object, { type, frame });
  return frame;
}
