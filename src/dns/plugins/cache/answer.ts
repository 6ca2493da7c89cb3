/** What an answer is to a cache: whether and for how long it may be kept. */
import { type AnswerKind, kindOf } from '../../message/answer-kind.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import type { Message, Question, ResourceRecord } from '../../message/message.ts';
import { sameName } from '../../message/name.ts';
import type { Query } from '../../plugin.ts';
import type { Bounds, CacheOptions } from './options.ts';

const classAny = 255;
const rrsig = 46;
/** Where an answer tells no TTL, seconds. */
const defaultTtl = 5;

/** As `kindOf`, but aliases that lead to nothing, with an SOA record, are a denial. */
export function kindForCache(message: Message, now: number): AnswerKind {
  if (message.edns?.dnssecOk && hasExpiredSignature(message, now)) return 'OTHERERROR';
  const kind = kindOf(message);
  return kind === 'NOERROR' && hasSoa(message) && isNoData(message) ? 'NODATA' : kind;
}

/** More than this is not kept: the cache's room is counted in answers, and whoever has a name's servers makes them. */
const mostRecords = 256;

/** Truncated answers and errors are not kept, nor denials without the SOA record that bounds them (RFC 2308 section 5). */
export function mayBeKept(message: Message, kind: AnswerKind): boolean {
  const { answers, authorities, additionals } = message;
  if (answers.length + authorities.length + additionals.length > mostRecords) return false;
  if (message.truncated || kind === 'OTHERERROR' || kind === 'META' || kind === 'UPDATE') return false;
  if (kind === 'NXDOMAIN' && !hasSoa(message)) return false;
  return !(kind === 'NOERROR' && !hasSoa(message) && isNoData(message));
}

/** How long an answer of this kind is kept, seconds. */
export function lifetime(message: Message, kind: AnswerKind, options: CacheOptions): number {
  if (kind === 'SERVERERROR') return options.failureTtl;
  const bounds = kind === 'NXDOMAIN' || kind === 'NODATA' ? options.denial : options.success;
  return Math.min(Math.max(shortestTtl(message, kind, bounds), bounds.minTtl), bounds.maxTtl);
}

function shortestTtl(message: Message, kind: AnswerKind, { maxTtl }: Bounds): number {
  const { answers, authorities, additionals } = message;
  const counts = kind === 'NOERROR' || kind === 'NXDOMAIN' || kind === 'NODATA';
  if (!counts || answers.length + authorities.length + additionals.length === 0) return defaultTtl;
  let ttl = maxTtl;
  for (const section of [answers, authorities, additionals])
    for (const record of section) ttl = Math.min(ttl, record.ttl);
  return ttl;
}

/** The reply is one to the question asked. */
export function matches({ name, type }: Query, reply: Message): boolean {
  const [question, ...others] = reply.questions;
  return (
    others.length === 0 && question !== undefined && question.type === type && sameName(question.name, name)
  );
}

/** Whether the answer section leads from the question to records of its type. */
export function answersQuestion({ rcode, questions, answers }: Message): boolean {
  const [question] = questions;
  if (rcode !== responseCodes.NOERROR || question === undefined || answers.length === 0) return false;
  if (question.type === recordTypes.ANY)
    return answers.some((record) => isOf(record, question, question.name));
  if (question.type === recordTypes.CNAME)
    return typeof aliasOf(answers, question, question.name) === 'string';
  const end = endOfAliases(answers, question);
  return (
    end !== undefined &&
    answers.some((record) => record.data.type === question.type && isOf(record, question, end))
  );
}

function isOf(record: ResourceRecord, question: Question, name: string): boolean {
  return (question.class === classAny || record.class === question.class) && sameName(record.name, name);
}

/** The name that aliases end at; undefined where they go round or apart. */
function endOfAliases(answers: readonly ResourceRecord[], question: Question): string | undefined {
  const seen = new Set<string>();
  for (let name = question.name; ; ) {
    if (seen.has(name.toLowerCase())) return undefined;
    seen.add(name.toLowerCase());
    const target = aliasOf(answers, question, name);
    if (target === undefined) return name;
    if (target === null) return undefined;
    name = target;
  }
}

/** The only target of a name's aliases: undefined where it has none, null where it has several. */
function aliasOf(
  answers: readonly ResourceRecord[],
  question: Question,
  name: string,
): string | null | undefined {
  let target: string | undefined;
  for (const record of answers) {
    if (record.data.type !== recordTypes.CNAME || !('target' in record.data) || !isOf(record, question, name))
      continue;
    if (target !== undefined && !sameName(target, record.data.target)) return null;
    target = record.data.target;
  }
  return target;
}

function isNoData(message: Message): boolean {
  return message.answers.length > 0 && !answersQuestion(message);
}

function hasSoa({ authorities }: Message): boolean {
  return authorities.some(({ data }) => data.type === recordTypes.SOA);
}

/** RFC 4034 section 3.1.5: times are in serial arithmetic. `now` in seconds. */
function hasExpiredSignature({ answers, authorities, additionals }: Message, now: number): boolean {
  return [...answers, ...authorities, ...additionals].some(({ data }) => {
    if (data.type !== rrsig || !('bytes' in data) || data.bytes.length < 16) return false;
    const view = new DataView(data.bytes.buffer, data.bytes.byteOffset);
    const until = (view.getUint32(8) - now) | 0;
    const since = (now - view.getUint32(12)) | 0;
    return until < 0 || since < 0;
  });
}
