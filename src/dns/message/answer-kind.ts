/** What an answer says: cache, log and minimal go by it (CoreDNS plugin/pkg/response). */
import { recordTypes, responseCodes } from './constants.ts';
import type { Message } from './message.ts';

export type AnswerKind =
  | 'NOERROR'
  /** The name is not there. */
  | 'NXDOMAIN'
  /** The name has no records of the type: an SOA record tells so. */
  | 'NODATA'
  /** SERVFAIL and NOTIMP. */
  | 'SERVERERROR'
  /** Somebody else's names: NS records and no SOA record. */
  | 'DELEGATION'
  | 'META'
  | 'UPDATE'
  | 'OTHERERROR';

const opcodeNotify = 4;
const opcodeUpdate = 5;
const typeIxfr = 251;

export function kindOf(message: Message): AnswerKind {
  if (message.opcode === opcodeUpdate) return 'UPDATE';
  const type = message.questions[0]?.type;
  if (message.opcode === opcodeNotify || type === recordTypes.AXFR || type === typeIxfr) return 'META';
  const { rcode } = message;
  if (message.answers.length > 0 && rcode === responseCodes.NOERROR) return 'NOERROR';
  if (message.answers.length > 0 && rcode === responseCodes.NXDOMAIN) return 'OTHERERROR';
  const has = (wanted: number) => message.authorities.some(({ data }) => data.type === wanted);
  if (rcode === responseCodes.NOERROR && has(recordTypes.SOA)) return 'NODATA';
  if (rcode === responseCodes.NXDOMAIN) return 'NXDOMAIN';
  if (rcode === responseCodes.SERVFAIL || rcode === responseCodes.NOTIMP) return 'SERVERERROR';
  if (rcode !== responseCodes.NOERROR) return 'OTHERERROR';
  return has(recordTypes.NS) ? 'DELEGATION' : 'NOERROR';
}

export const answerClasses = ['all', 'success', 'denial', 'error'] as const;
export type AnswerClass = (typeof answerClasses)[number];

export function classOf(kind: AnswerKind): AnswerClass {
  if (kind === 'NOERROR' || kind === 'DELEGATION') return 'success';
  return kind === 'NXDOMAIN' || kind === 'NODATA' ? 'denial' : 'error';
}
