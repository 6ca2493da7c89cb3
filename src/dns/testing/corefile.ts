/** Serves Corefiles in tests without sockets. */
import { FakeClock } from '../../util/clock.ts';
import { createLogger, type Logger } from '../../util/logger.ts';
import { MetricRegistry } from '../../util/metrics.ts';
import { parseCorefile } from '../corefile/parser.ts';
import type { recordTypes } from '../message/constants.ts';
import type { Message } from '../message/message.ts';
import type { DnsPlugin, HttpResponder, Query } from '../plugin.ts';
import { plugins } from '../plugins/order.ts';
import type { KnownPlugin } from '../server-blocks/block.ts';
import { type Configuration, type ConfigurationContext, configure } from '../server-blocks/configuration.ts';
import { queryFor } from './ask.ts';

/** A log that keeps its lines: `level message`. */
export function keptLog(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const write = (line: string) => {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    lines.push(`${level} ${msg}`);
  };
  return { lines, logger: createLogger({ level: 'debug', write }) };
}

/** HTTP endpoints without sockets: asked by address and path. */
export function fakeHttp() {
  const responders = new Map<string, HttpResponder>();
  return {
    open: async (address: string, path: string, respond: HttpResponder) => {
      responders.set(address + path, respond);
      return async () => void responders.delete(address + path);
    },
    ask: async (address: string, path: string) => {
      if (!responders.has(address + path)) throw new Error(`nobody answers at ${address}`);
    },
    get: (place: string) => responders.get(place)?.(),
  };
}

export interface ServedCorefile {
  configuration: Configuration;
  clock: FakeClock;
  metrics: MetricRegistry;
  lines: string[];
  http: ReturnType<typeof fakeHttp>;
  /** The errors that ended the process. */
  fatal: Error[];
  /** The reply of the first listener, or the one named. Undefined: none. */
  ask(name: string, type?: keyof typeof recordTypes, fields?: Partial<Query>): Promise<Message | undefined>;
}

export interface CorefileFakes {
  /** A plugin `last` behind all others, which a Corefile may name. */
  last?: DnsPlugin['serve'];
  context?: Partial<ConfigurationContext>;
}

/** Sets a Corefile up, without starting it. @throws what it is refused for */
export function serveCorefile(text: string, { last, context = {} }: CorefileFakes = {}): ServedCorefile {
  const clock = new FakeClock(1_700_000_000_000);
  const metrics = new MetricRegistry();
  const { lines, logger } = keptLog();
  const http = fakeHttp();
  const fatal: Error[] = [];
  const extra: KnownPlugin[] = last
    ? [{ name: 'last', setup: () => ({ handler: { name: 'last', serve: last } }) }]
    : [];
  const configuration = configure(parseCorefile({ text, file: 'Corefile', environment: {} }), {
    plugins: [...plugins, ...extra],
    clock,
    logger,
    metrics,
    informers: () => {
      throw new Error('no API server');
    },
    http,
    directory: '/nowhere',
    stopping: () => false,
    fatal: (error) => void fatal.push(error),
    ...context,
  });
  const label = configuration.listeners[0]?.label ?? '';
  return {
    configuration,
    clock,
    metrics,
    lines,
    http,
    fatal,
    ask: async (name, type = 'A', fields = {}) => {
      const query = queryFor(name, type, { listener: label, ...fields });
      return await configuration.serverOf(query.listener!)!(query);
    },
  };
}
