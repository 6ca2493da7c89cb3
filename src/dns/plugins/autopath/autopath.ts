/**
 * Walks the client's search path for it: a query for the first of its names is answered with what the first name that
 * exists has, behind an alias to there.
 */
import { responseCodes } from '../../message/constants.ts';
import type { Message } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import type { Answer, DnsPlugin, Query, Served } from '../../plugin.ts';
import { aliasRecord } from '../kubernetes/records.ts';
import { relativeTo } from '../kubernetes/zone-lookup.ts';

export interface AutopathOptions {
  zones: readonly string[];
  /** Canonical domains of the client, in its order, then '' for the name as it is; undefined or none: let it walk itself. */
  searchPath(query: Query): readonly string[] | undefined;
  /** Called for each query that was answered with another name's records. */
  onSuccess?: (query: Query) => void;
}

export function autopathPlugin({ zones, searchPath, onSuccess }: AutopathOptions): DnsPlugin {
  return {
    name: 'autopath',
    serve: (query, next) => {
      if (!zones.some((zone) => isBelow(query.name, zone))) return next();
      const [first, ...others] = searchPath(query) ?? [];
      if (first === undefined || !isBelow(query.name, first)) return next();
      const base = relativeTo(query.name, first);
      const walk = (reply: Answer, from: number, original: Answer): Served => {
        if (reply === undefined) return undefined;
        if (!goesOn.has(reply.rcode)) {
          if (reply.rcode === responseCodes.NOERROR) onSuccess?.(query);
          return renamed(reply, query);
        }
        if (from === others.length) return original;
        const served = next(askedFor(query, joined(base, others[from]!)));
        if (served instanceof Promise) return served.then((later) => walk(later, from + 1, original));
        return walk(served, from + 1, original);
      };
      const served = next(query);
      return served instanceof Promise
        ? served.then((reply) => walk(reply, 0, reply))
        : walk(served, 0, served);
    },
  };
}

/**
 * Answers that are none: no such name, or nobody here who knows. A failure is told at once, for the names behind may
 * exist and be others than the client means.
 */
const goesOn: ReadonlySet<number> = new Set([
  responseCodes.NXDOMAIN,
  responseCodes.REFUSED,
  responseCodes.NOTIMP,
  responseCodes.FORMERR,
]);

const joined = (base: string, domain: string): string =>
  base === '' || domain === '' ? base + domain : `${base}.${domain}`;

function askedFor(query: Query, name: string): Query {
  const [question] = query.message.questions;
  return { ...query, name, message: { ...query.message, questions: [{ ...question!, name }] } };
}

/** An answer to the client's own question: with an alias to where the records are. */
function renamed(reply: Message, query: Query): Message {
  const { questions } = query.message;
  const [first] = reply.answers;
  if (first === undefined || first.name === query.name)
    return reply.questions === questions ? reply : { ...reply, questions };
  return { ...reply, questions, answers: [aliasRecord(query.name, first.ttl, first.name), ...reply.answers] };
}
