/** Asks a chain of plugins in tests, as a server does. */
import { serveChain } from '../chain.ts';
import { recordTypes } from '../message/constants.ts';
import { type Message, newQuery } from '../message/message.ts';
import { canonicalName } from '../message/name.ts';
import type { DnsPlugin, Query } from '../plugin.ts';

export function queryFor(name: string, type: keyof typeof recordTypes, fields: Partial<Query> = {}): Query {
  return {
    message: newQuery(1, { name, type: recordTypes[type] }),
    name: canonicalName(name),
    type: recordTypes[type],
    transport: 'udp',
    client: { address: '10.240.0.1', port: 40_212 },
    ...fields,
  };
}

/** The chain's reply. @throws Error where it gives none */
export async function replyFrom(plugins: readonly DnsPlugin[], query: Query): Promise<Message> {
  const reply = await serveChain(plugins, query);
  if (reply === undefined) throw new Error(`no reply to ${query.name}`);
  return reply;
}
