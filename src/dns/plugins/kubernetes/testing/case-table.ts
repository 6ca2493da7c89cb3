/** Tables of questions and answers as text, as coredns-cases.ts has them. */
import { recordTypes, responseCodes } from '../../../message/constants.ts';
import type { Message, ResourceRecord } from '../../../message/message.ts';
import { canonicalName } from '../../../message/name.ts';
import { dataText } from '../../../message/record-text.ts';

export interface NameCase {
  name: string;
  type: keyof typeof recordTypes;
  /** As `answerText` writes it. */
  answer: string;
}

export function nameCases(table: string): NameCase[] {
  return table
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, type, answer] = /^\s*(\S+) (\w+): (.*)$/.exec(line)!;
      return { name: name!, type: type as keyof typeof recordTypes, answer: sorted(answer!) };
    });
}

/** Order says nothing. */
function sorted(answer: string): string {
  return answer
    .split(' + ')
    .map((section) => section.split(', ').sort().join(', '))
    .join(' + ');
}

const nameOf = (table: Record<string, number>, number: number): string =>
  Object.entries(table).find(([, value]) => value === number)?.[0] ?? String(number);

/** `NXDOMAIN`, `NODATA`, or the records; an `!` behind it where a negative answer lacks its SOA. */
export function answerText(reply: Message): string {
  const { rcode, answers, additionals, authorities } = reply;
  const negative = rcode !== 0 || answers.length === 0;
  const soa = negative && authorities.length !== 1 ? '!' : '';
  if (rcode !== 0) return nameOf(responseCodes, rcode) + soa;
  const own = canonicalName(reply.questions[0]!.name);
  const first = answers.length === 0 ? `NODATA${soa}` : answers.map((one) => recordText(one, own)).join(', ');
  const rest = additionals.map((one) => recordText(one)).join(', ');
  return sorted(rest === '' ? first : `${first} + ${rest}`);
}

export function recordText({ name, ttl, data }: ResourceRecord, own?: string): string {
  return [name === own ? '' : name, ttl === 5 ? '' : ttl, nameOf(recordTypes, data.type), dataText(data)]
    .filter((part) => part !== '')
    .join(' ');
}
