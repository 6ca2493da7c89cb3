/** Answers as text. Stored objects are encoded once, however many lists and watchers they go to. */
import { isJsonObject, type JsonObject, jsonText } from '../json.ts';
import type { StreamEvent } from '../rest/watch-stream.ts';

const textOf = (value: object): string => (Object.isFrozen(value) ? jsonText(value) : JSON.stringify(value));

/** In characters, about. */
const pieceLength = 64 * 1024;

/** JSON of an answer's body: at least one piece, and more of a long list, so that it never is one text. */
export function* encodePieces(body: unknown): Generator<string> {
  if (isJsonObject(body) && !Object.isFrozen(body) && Array.isArray(body.items)) yield* piecesOf(body);
  else yield isJsonObject(body) ? textOf(body) : JSON.stringify(body);
}

function* piecesOf({ items, ...rest }: JsonObject): Generator<string> {
  let piece = `${JSON.stringify(rest).slice(0, -1)},"items":[`;
  let separator = '';
  for (const item of items as object[]) {
    piece += separator + textOf(item);
    separator = ',';
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]}`;
}

const lines = new WeakMap<object, { type: string; line: Uint8Array }>();

/** One line of a watch. The last one made of an object is kept: its watchers get it one after the other. */
export function encodeEvent({ type, object }: StreamEvent): Uint8Array {
  const known = lines.get(object);
  if (known?.type === type) return known.line;
  const line = Buffer.from(`{"type":"${type}","object":${textOf(object)}}\n`);
  if (Object.isFrozen(object)) lines.set(object, { type, line });
  return line;
}
