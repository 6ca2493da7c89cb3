/**
 * The chain of plugins that answers a query, in CoreDNS's sense: each answers it, or asks the next. Order is
 * data: the array that the chain is made from.
 */
import { recordTypes, responseCodes } from './message/constants.ts';
import { type Message, replyTo } from './message/message.ts';
import { canonicalName } from './message/name.ts';

export interface Query {
  message: Message;
  /** Canonical name and type of the only question. */
  name: string;
  type: number;
  transport: 'udp' | 'tcp';
  client: { address: string; port: number };
  /** How many aliases have been followed to get here. */
  depth?: number;
}

export interface DnsPlugin {
  readonly name: string;
  /**
   * Answers the query, or returns `next()`'s answer, changed or not. The answer's id and question are the
   * query's; a plugin that throws makes the server answer SERVFAIL.
   */
  serve(query: Query, next: () => Promise<Message>): Promise<Message>;
}

/** Runs the plugins in order; behind the last one every query is refused. */
export function serveChain(plugins: readonly DnsPlugin[], query: Query): Promise<Message> {
  const from = (index: number): Promise<Message> => {
    const plugin = plugins[index];
    if (plugin === undefined)
      return Promise.resolve(replyTo(query.message, { rcode: responseCodes.REFUSED }));
    return plugin.serve(query, () => from(index + 1));
  };
  return from(0);
}

/**
 * The answer to a decoded message before any plugin sees it: only standard queries with one question are
 * served, zone transfers are not (RFC 1035, RFC 5936; RFC 6891 for BADVERS). Undefined: no answer at all.
 */
export function admit(
  message: Message,
): { query: Pick<Query, 'name' | 'type'> } | { reply: Message } | undefined {
  if (message.response) return undefined;
  const refuse = (rcode: number) => ({ reply: replyTo(message, { rcode }) });
  if (message.opcode !== 0) return refuse(responseCodes.NOTIMP);
  const [question, ...others] = message.questions;
  if (question === undefined || others.length > 0) return refuse(responseCodes.FORMERR);
  if (message.edns && message.edns.version !== 0) {
    const edns = {
      udpBytes: message.edns.udpBytes,
      version: 0,
      dnssecOk: message.edns.dnssecOk,
      options: [],
    };
    return { reply: replyTo(message, { rcode: responseCodes.BADVERS, edns }) };
  }
  if (question.type === recordTypes.AXFR) return refuse(responseCodes.REFUSED);
  return { query: { name: canonicalName(question.name), type: question.type } };
}
