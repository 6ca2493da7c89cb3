/** What a plugin of the chain is, and what it is made from and with. */
import type { Informers } from '../kube/client/informers.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { MetricRegistry } from '../util/metrics.ts';
import type { Directive, ServerKey } from './corefile/directive.ts';
import type { Message, ResourceRecord } from './message/message.ts';

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
  /** The listener that it came by, as metrics name it: `dns://:53`, `tls://10.0.0.1:853`. */
  listener?: string;
  /** Kept up to date by the chain where somebody put it here: the plugin reached last, which made the answer. */
  reached?: { plugin: string };
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

/** At once, or once it has been made in short stretches. */
export type TransferredZone = readonly ResourceRecord[] | Promise<readonly ResourceRecord[]>;

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
  /** What the plugin says about its block's server. */
  settings?: ServerSettings;
  /**
   * All records of a zone of its own, the SOA record first and last; the SOA record alone for who has this serial
   * number already (0: nobody has). Undefined where the zone, by its canonical name, is none of its own. The list may be another's too.
   */
  transfer?(zone: string, serial: number): TransferredZone | undefined;
  /** Puts into `query.metadata` what it knows, before the chain runs, in a block with the plugin `metadata`. */
  collect?(query: Query): void;
}

/** What configuring plugins say about the server of their block. */
export interface ServerSettings {
  /** Addresses to listen on instead of all (bind). */
  addresses?: readonly string[];
  /** Where relative file names of the plugins behind start from (root). */
  directory?: string;
  /** PEM texts for transport `tls`. */
  tls?: TlsSettings;
  /** How often the Corefile is looked at (reload). */
  reload?: { intervalMs: number };
  /** Queries of other classes than IN come to the chain (chaos). */
  anyClass?: boolean;
  /** Metadata is collected before the chain runs (metadata). */
  metadata?: boolean;
  /** More is logged (debug); errors with their stack (errors). */
  debug?: boolean;
  stacktrace?: boolean;
  /** The block serves only queries that pass (view). */
  view?: { name: string; matches(query: Query): boolean };
}

export interface TlsSettings {
  cert: string;
  key: string;
  ca?: string;
  clientAuth: 'nocert' | 'request' | 'require' | 'verify_if_given' | 'require_and_verify';
}

/** A plugin of a running configuration. */
export interface NamedInstance {
  readonly name: string;
  readonly instance: PluginInstance;
}

/** HTTP that plugins answer on: one listener an address, whoever asks for it, also across a reload. */
export interface HttpEndpoints {
  /**
   * Answers a path at an address such as `:8080` or `localhost:9153`. Of several for one path the latest answers.
   * @returns ends it @throws TendrilError LISTEN
   */
  open(address: string, path: string, respond: HttpResponder): Promise<() => Promise<void>>;
  /** Asks for the path over the network, as a client would. Rejects where no answer comes within a few seconds. */
  ask(address: string, path: string): Promise<void>;
}

export type HttpResponder = () => { status: number; body: string; contentType?: string };

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
  /** Asks the server that the query came to, from its start, for another name (CoreDNS calls it upstream). */
  resolve(query: Query, question: { name: string; type: number }): Served;
  /** The name of the block's view, once all are set up; '' for a block without one. Metrics have it as a label. */
  view(): string;
  /** Another plugin of this block by its name, once all are set up (autopath's @kubernetes). */
  sibling(name: string): PluginInstance | undefined;
  http: HttpEndpoints;
  /** All plugins of all blocks, once all are set up. */
  instances(): readonly NamedInstance[];
  /** Ends the process with this error: where going on would do harm (loop). */
  fatal(error: Error): void;
  /** The process is about to end: it serves on, and is not ready. */
  stopping(): boolean;
}

/**
 * Makes a block's instance of a plugin from all its directives there, in their order (most plugins take one).
 * @throws TendrilError COREFILE naming file and line
 */
export type PluginSetup = (directives: readonly Directive[], context: PluginContext) => PluginInstance;
