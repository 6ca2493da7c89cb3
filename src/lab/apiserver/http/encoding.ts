/** Answers as text. Stored objects are encoded once, however many lists and watchers they go to. */
import { isJsonObject, jsonText } from '../json.ts';
import type { StreamEvent } from '../rest/watch-stream.ts';

const textOf = (value: object): string => (Object.isFrozen(value) ? jsonText(value) : JSON.stringify(value));

/** JSON of an answer's body. */
export function encodeBody(body: unknown): string {
  if (!isJsonObject(body)) return JSON.stringify(body);
  if (Object.isFrozen(body) || !Array.isArray(body.items)) return textOf(body);
  const { items, ...rest } = body;
  const head = JSON.stringify(rest);
  return `${head.slice(0, -1)},"items":[${(items as object[]).map(textOf).join(',')}]}`;
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
