/** What a rewrite rule is. */
import type { Message, ResourceRecord } from '../../message/message.ts';
import type { Query, Served } from '../../plugin.ts';

/** What is done to the answer: to each of its records, or to the whole. */
export type AnswerRule =
  | { record: (record: ResourceRecord) => ResourceRecord }
  | { message: (message: Message) => Message | Promise<Message> };

export interface Rewritten {
  query: Query;
  answerRules: readonly AnswerRule[];
}

export interface RewriteRule {
  /** No rule behind it is applied once it has been. */
  stop: boolean;
  /** The changed query, and what is to be done to the answer; undefined where the rule is not about it. */
  apply(query: Query): Rewritten | undefined;
}

export type Apply = RewriteRule['apply'];
export type Resolve = (query: Query, question: { name: string; type: number }) => Served;
