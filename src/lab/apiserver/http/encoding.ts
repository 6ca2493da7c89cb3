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

/** One line of a watch. */
export function encodeEvent({ type, object }: StreamEvent): string {
  return `{"type":"${type}","object":${textOf(object)}}\n`;
}
