/** One kept answer. */
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import type { Query } from '../../plugin.ts';
import { answersQuestion } from './answer.ts';

export class Item {
  /** As it came, its TTLs all the item's; shared, never changed. */
  readonly answer: Message;
  /** Seconds. */
  readonly lifetime: number;
  /** ms of the monotonic clock. */
  readonly storedAt: number;
  /** It has records of the type asked for. */
  readonly answering: boolean;
  /** The answering item that this one, which is none, took the place of. */
  lastKnownGood?: Item;
  #hits = 0;
  #lastHit = Number.NEGATIVE_INFINITY;
  #refreshing = false;
  #retryAfter = Number.NEGATIVE_INFINITY;

  constructor(answer: Message, { lifetime, storedAt }: { lifetime: number; storedAt: number }) {
    this.answer = answer;
    this.lifetime = lifetime;
    this.storedAt = storedAt;
    this.answering = answersQuestion(answer);
  }

  /** What is left of its life, whole seconds; below 0 it is stale. */
  ttl(now: number): number {
    return this.lifetime - Math.trunc((now - this.storedAt) / 1000);
  }

  /** The reply to a query, every record with this TTL. */
  reply({ message }: Query, ttl: number): Message {
    const { answer } = this;
    const withTtl = (records: readonly ResourceRecord[]) => records.map((record) => ({ ...record, ttl }));
    return replyTo(message, {
      // Some clients throw away what is not authoritative (CoreDNS has it so).
      authoritative: true,
      authenticData: answer.authenticData && ((message.edns?.dnssecOk ?? false) || message.authenticData),
      recursionAvailable: answer.recursionAvailable,
      rcode: answer.rcode,
      answers: withTtl(answer.answers),
      authorities: withTtl(answer.authorities),
      additionals: withTtl(answer.additionals),
    });
  }

  /** This one, or the one it took the place of, if it answers. */
  answeringItem(): Item | undefined {
    return this.answering ? this : this.lastKnownGood;
  }

  /** Counts a hit; a pause of more than `withinMs` begins anew. */
  hit(now: number, withinMs: number): number {
    this.#hits = this.#lastHit < now - withinMs ? 1 : this.#hits + 1;
    this.#lastHit = now;
    return this.#hits;
  }

  /** Goes on with the hits of the item that this one refreshes. */
  takeHitsOf(other: Item, now: number): void {
    this.#hits = other.#hits;
    this.#lastHit = now;
  }

  /** False while a refresh is under way, or for some time after one failed. */
  beginRefresh(now: number): boolean {
    if (this.#refreshing || now < this.#retryAfter) return false;
    this.#refreshing = true;
    return true;
  }

  endRefresh(now: number, { refreshed, recheckMs }: { refreshed: boolean; recheckMs: number }): void {
    this.#retryAfter = recheckMs > 0 && !refreshed ? now + recheckMs : Number.NEGATIVE_INFINITY;
    this.#refreshing = false;
  }
}
