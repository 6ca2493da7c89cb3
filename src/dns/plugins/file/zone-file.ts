/** Zone files (RFC 1035 section 5): records of one or more lines, $ORIGIN, $TTL and $INCLUDE. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describeError, isError } from '../../../util/errors.ts';
import type { Place } from '../../corefile/directive.ts';
import { corefileError } from '../../corefile/options.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { absoluteName, parseRecord, ttlSeconds } from '../../message/presentation.ts';

const maxIncludes = 7;

/** What goes on from one line to the next, and into a file that is included. */
interface State {
  origin: string;
  owner: string;
  ttl: number | undefined;
  depth: number;
}

/** The records of a zone file. @throws COREFILE with the file's name and line */
export function parseZoneFile(
  text: string,
  { file, origin }: { file: string; origin: string },
): ResourceRecord[] {
  return readText(text, file, { origin, owner: origin, ttl: undefined, depth: 0 });
}

function readText(text: string, file: string, state: State): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (const { line, at } of logicalLines(text, file)) {
    try {
      if (line.startsWith('$')) records.push(...obey(line, at, state));
      else records.push(readRecord(line, state));
    } catch (error) {
      if (isError(error, 'COREFILE')) throw error;
      throw corefileError(at, describeError(error));
    }
  }
  return records;
}

/** A record without a TTL has that of $TTL, or of the record before it, or of the SOA record's minimum. */
function readRecord(line: string, state: State): ResourceRecord {
  const record = parseRecord(line, { origin: state.origin, owner: state.owner, ttl: state.ttl ?? -1 });
  const minimum = 'minimum' in record.data ? record.data.minimum : undefined;
  const ttl = record.ttl >= 0 ? record.ttl : minimum;
  if (ttl === undefined) throw new Error('there is no TTL, nor one before it');
  // CoreDNS refuses such zones too: denials by hashes are not answered with.
  if (hashed.includes(record.data.type))
    throw new Error('a zone with NSEC3 records is not supported; sign it with NSEC records');
  state.owner = record.name;
  state.ttl ??= ttl;
  return { ...record, ttl };
}

function obey(line: string, at: Place, state: State): ResourceRecord[] {
  const [directive, ...args] = line.trim().split(/\s+/) as [string, ...string[]];
  const [first] = args;
  if (first === undefined) throw corefileError(at, `${directive} says nothing`);
  switch (directive) {
    case '$ORIGIN':
      state.origin = absoluteName(first, state.origin);
      return [];
    case '$TTL':
      state.ttl = ttlSeconds(first);
      if (state.ttl === undefined) throw corefileError(at, `"${first}" is no TTL`);
      return [];
    case '$INCLUDE':
      return include(resolve(dirname(at.file), first), args[1], { at, state });
    default:
      throw corefileError(at, `${directive} is not supported`, 'There are $ORIGIN, $TTL and $INCLUDE.');
  }
}

/** What the file says of origin and owner ends with it. */
function include(
  path: string,
  origin: string | undefined,
  { at, state }: { at: Place; state: State },
): ResourceRecord[] {
  if (state.depth >= maxIncludes)
    throw corefileError(at, `more than ${maxIncludes} files include each other`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw corefileError(at, `the file ${path} cannot be included`, String(cause));
  }
  const inside = origin === undefined ? state.origin : absoluteName(origin, state.origin);
  return readText(text, path, { ...state, origin: inside, depth: state.depth + 1 });
}

/** Lines without comments; parentheses join several to one. */
function* logicalLines(text: string, file: string): Generator<{ line: string; at: Place }> {
  let line = '';
  let depth = 0;
  let start = 1;
  for (const [i, raw] of text.split('\n').entries()) {
    if (depth === 0) start = i + 1;
    const [clean, change] = withoutParentheses(raw.replace(/\r$/, ''), depth);
    line = depth === 0 && line === '' ? clean : `${line} ${clean.trim()}`;
    depth += change;
    if (depth > 0) continue;
    if (line.trim() !== '') yield { line, at: { file, line: start } };
    line = '';
  }
  if (depth > 0) throw corefileError({ file, line: start }, 'a parenthesis is not closed');
}

/** Comments go; a quoted word, and what a backslash stands before, stay as they are. */
function withoutParentheses(line: string, depth: number): [string, number] {
  let change = 0;
  const clean = line.replaceAll(/"(?:\\.|[^"\\])*"|\\.|;.*|[()]/g, (word) => {
    if (word === '(' || word === ')') {
      change += word === '(' ? 1 : -1;
      return ' ';
    }
    return word.startsWith(';') ? '' : word;
  });
  return [clean, Math.max(change, -depth)];
}

/** The type that a signature is of, and whether a record is one. */
export function signedType({ data }: ResourceRecord): number | undefined {
  return data.type === rrsig && 'bytes' in data ? (data.bytes[0]! << 8) | data.bytes[1]! : undefined;
}

export const rrsig = 46;
export const nsec = 47;
export const dname = 39;
const hashed = [50, 51];
