/** What a plugin of the chain is, and what it is made from and with. */
import type { Informers } from '../kube/client/informers.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { MetricRegistry } from '../util/metrics.ts';
import type { Directive, ServerKey } from './corefile/directive.ts';
import type { Message } from './message/message.ts';

export interface Query {
  message: Message;
  /** Canonical name and type of the only question. */
  name: string;
  type: number;
  transport: 'udp' | 'tcp' | 'tls';
  client: { address: string; port: number };
  /** Address and port that the query was sent to. */
  server?: { address: string; port: number };
  /** How many aliases have been followed to get here. */
  depth?: number;
  /** What plugins found out about the query for those behind them and for the log, e.g. `kubernetes/service`. */
  metadata?: Map<string, string>;
}

/** A reply; undefined where the client gets none (`acl`'s drop). */
export type Answer = Message | undefined;
/** At once where nothing has to be waited for: most queries then cost no promise. */
export type Served = Answer | Promise<Answer>;

export interface DnsPlugin {
  readonly name: string;
  /**
   * Answers the query, or returns `next()`'s answer, changed or not (a copy: answers may be shared). `next` takes
   * another query for those behind. A plugin that throws makes the server answer SERVFAIL.
   */
  serve(query: Query, next: (query?: Query) => Served): Served;
}

/** What one server block has of a plugin. */
export interface PluginInstance {
  /** Absent where the plugin only configures the server (bind, health, ready, reload …). */
  handler?: DnsPlugin;
  /** Called when the server's sockets are bound, in order; what it throws fails the start, or leaves a reload undone. */
  start?(): Promise<void> | void;
  /** Called when the server stops or its configuration has been replaced, in order. */
  close?(): Promise<void> | void;
  /** Whether `ready` may say so; absent: always. */
  ready?(): boolean;
  /** The longest that a reload's old instance still has queries to answer for, ms (health's lameduck). */
  lingerMs?: number;
  /** The plugin answers names of the whole world: replies say so (RA). */
  recursive?: boolean;
}

/** What a plugin of a server block is set up with. */
export interface PluginContext {
  /** The block's keys; a plugin without zones of its own takes theirs. */
  keys: readonly ServerKey[];
  /** Canonical zones of `keys`, each once. */
  zones: readonly string[];
  clock: Clock;
  logger: Logger;
  metrics: MetricRegistry;
  /** Reads of the cluster's API, shared by all blocks. @throws TendrilError where no API server is configured */
  informers(): Informers;
  /** Directory that relative file names start from: the Corefile's, or `root`'s. */
  directory: string;
  /** Asks the block's own chain from its start for another name (CoreDNS calls it upstream). */
  resolve(query: Query, question: { name: string; type: number }): Served;
  /** Another plugin of this block by its name, once all are set up (autopath's @kubernetes). */
  sibling(name: string): PluginInstance | undefined;
}

/**
 * Makes a block's instance of a plugin from all its directives there, in their order (most plugins take one).
 * @throws TendrilError COREFILE naming file and line
 */
export type PluginSetup = (directives: readonly Directive[], context: PluginContext) => PluginInstance;
