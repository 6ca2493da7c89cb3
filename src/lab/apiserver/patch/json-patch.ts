/** JSON Patch (RFC 6902) on a private copy. Throws ApiError where an operation cannot be carried out. */
import { cloneJson, equalJson, isJsonObject, type JsonObject } from '../json.ts';
import { badRequest, patchFailed, requestEntityTooLarge } from '../status.ts';

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

function tokensOf(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw badRequest(`"${pointer}" is not a JSON pointer`);
  return pointer
    .slice(1)
    .split('/')
    .map((t) => t.replaceAll('~1', '/').replaceAll('~0', '~'));
}

const missing = (op: string, path: string) =>
  patchFailed(`${op} operation does not apply: doc is missing path: ${path}: missing value`);

function step(at: unknown, token: string): unknown {
  if (Array.isArray(at)) return at[indexIn(at, token, at.length - 1)];
  return isJsonObject(at) && Object.hasOwn(at, token) ? at[token] : undefined;
}

function indexIn(list: unknown[], token: string, last: number): number {
  const index = /^(0|[1-9]\d*)$/.test(token) ? Number(token) : Number.NaN;
  if (Number.isNaN(index) || index > last) {
    throw patchFailed(
      `unable to access invalid index: ${token}: invalid index referenced (list of ${list.length})`,
    );
  }
  return index;
}

function read(document: unknown, path: string, op: string): unknown {
  let at = document;
  for (const token of tokensOf(path)) {
    at = step(at, token);
    if (at === undefined) throw missing(op, path);
  }
  return at;
}

/** The container of a path's last token. */
function parentOf(
  document: unknown,
  path: string,
  op: string,
): { parent: JsonObject | unknown[]; token: string } {
  const tokens = tokensOf(path);
  const token = tokens.pop();
  if (token === undefined) throw patchFailed(`${op} of the whole document is not supported`);
  let parent = document;
  for (const t of tokens) parent = step(parent, t);
  if (typeof parent !== 'object' || parent === null) throw missing(op, path);
  if (token === '__proto__') throw badRequest('the name "__proto__" is not supported by this server');
  return { parent: parent as JsonObject, token };
}

function add(document: unknown, path: string, value: unknown): void {
  const { parent, token } = parentOf(document, path, 'add');
  if (!Array.isArray(parent)) parent[token] = value;
  else parent.splice(token === '-' ? parent.length : indexIn(parent, token, parent.length), 0, value);
}

function remove(document: unknown, path: string): void {
  const { parent, token } = parentOf(document, path, 'remove');
  if (step(parent, token) === undefined) throw missing('remove', path);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, token, parent.length - 1), 1);
  else delete parent[token];
}

function replace(document: unknown, path: string, value: unknown): void {
  const { parent, token } = parentOf(document, path, 'replace');
  if (step(parent, token) === undefined) throw missing('replace', path);
  if (Array.isArray(parent)) parent[indexIn(parent, token, parent.length - 1)] = value;
  else parent[token] = value;
}

function test(document: unknown, path: string, value: unknown): void {
  if (equalJson(read(document, path, 'test'), value)) return;
  throw patchFailed(`testing value ${path} failed: test failed`);
}

function move(document: unknown, path: string, from: string): void {
  const moved = read(document, from, 'move');
  remove(document, from);
  add(document, path, moved);
}

/** As kube-apiserver has them: without a limit a few copies of copies fill any memory. */
const maxOperations = 10_000;
const maxCopiedBytes = 3 * 1024 * 1024;

const operations: Record<string, (document: unknown, operation: Operation) => void> = {
  add: (document, { path, value }) => add(document, path, cloneJson(value)),
  remove: (document, { path }) => remove(document, path),
  replace: (document, { path, value }) => replace(document, path, cloneJson(value)),
  copy: (document, { path, from = '' }) => add(document, path, cloneJson(read(document, from, 'copy'))),
  move: (document, { path, from = '' }) => move(document, path, from),
  test: (document, { path, value }) => test(document, path, value),
};

export function jsonPatch(document: JsonObject, patch: unknown): JsonObject {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch must be a list of operations');
  if (patch.length > maxOperations) {
    const why = `the allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw requestEntityTooLarge(why);
  }
  const result = cloneJson(document);
  let copied = 0;
  for (const operation of patch as Operation[]) {
    if (typeof operation?.path !== 'string')
      throw badRequest('an operation of a JSON patch must have a path');
    const apply = Object.hasOwn(operations, operation.op) ? operations[operation.op] : undefined;
    if (apply === undefined) throw badRequest(`Unexpected kind: ${operation.op}`);
    if (operation.op === 'copy') copied += sizeOf(read(result, operation.from ?? '', 'copy'));
    if (copied > maxCopiedBytes)
      throw requestEntityTooLarge(`the copies of a JSON patch are larger than ${maxCopiedBytes} bytes`);
    apply(result, operation);
  }
  return result;
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}
