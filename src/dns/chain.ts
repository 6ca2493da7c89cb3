/** Runs a server block's plugins, in CoreDNS's sense: each answers the query, or asks the next. */
import { recordTypes, responseCodes } from './message/constants.ts';
import { type Message, replyTo } from './message/message.ts';
import { canonicalName } from './message/name.ts';
import type { Answer, DnsPlugin, Query, Served } from './plugin.ts';

/** Runs the plugins in order; behind the last one every query is refused. */
export function serveChain(plugins: readonly DnsPlugin[], query: Query): Served {
  const from = (index: number, asked: Query): Served => {
    const plugin = plugins[index];
    if (asked.reached !== undefined) asked.reached.plugin = plugin?.name ?? '';
    if (plugin === undefined) return replyTo(asked.message, { rcode: responseCodes.REFUSED });
    return plugin.serve(asked, (changed = asked) => from(index + 1, changed));
  };
  return from(0, query);
}

/** `change` of an answer, at once where the answer is there at once. */
export function afterward(served: Served, change: (answer: Answer) => Served): Served {
  return served instanceof Promise ? served.then(change) : change(served);
}

/**
 * The answer to a decoded message before any plugin sees it: only standard queries with one question are
 * served, zone transfers (AXFR) only where the plugins behind know them (RFC 1035, RFC 5936; RFC 6891 for BADVERS).
 * Undefined: no answer at all.
 */
export function admit(
  message: Message,
  { transfers = false }: { transfers?: boolean } = {},
): { query: Pick<Query, 'name' | 'type'> } | { reply: Message } | undefined {
  if (message.response) return undefined;
  const refuse = (rcode: number) => ({ reply: replyTo(message, { rcode }) });
  if (message.opcode !== 0) return refuse(responseCodes.NOTIMP);
  const [question, ...others] = message.questions;
  if (question === undefined || others.length > 0) return refuse(responseCodes.FORMERR);
  // One SOA record of an IXFR query, OPT and a signature: no query has more (as miekg/dns, and so CoreDNS, has it).
  if (message.answers.length > 1 || message.authorities.length > 1 || message.additionals.length > 1)
    return refuse(responseCodes.FORMERR);
  if (message.edns && message.edns.version !== 0) {
    const edns = {
      udpBytes: message.edns.udpBytes,
      version: 0,
      dnssecOk: message.edns.dnssecOk,
      options: [],
    };
    return { reply: replyTo(message, { rcode: responseCodes.BADVERS, edns }) };
  }
  if (question.type === recordTypes.AXFR && !transfers) return refuse(responseCodes.REFUSED);
  return { query: { name: canonicalName(question.name), type: question.type } };
}
