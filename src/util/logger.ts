/**
 * Structured logging: one JSON object a line on stderr, `ts` (ISO 8601), `level`, `msg`, then the fields.
 * A child logger carries fields of its own (component, pod, node).
 */
import { describeError } from './errors.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Record<string, unknown>;

const severity: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface Logger {
  debug(msg: string, fields?: Fields): void;
  info(msg: string, fields?: Fields): void;
  warn(msg: string, fields?: Fields): void;
  error(msg: string, fields?: Fields): void;
  child(fields: Fields): Logger;
}

export interface LoggerOptions {
  level?: Level;
  fields?: Fields;
  write?: (line: string) => void;
}

export function createLogger(options: LoggerOptions = {}): Logger {
  const {
    level = 'info',
    fields: own = {},
    write = (line: string) => void process.stderr.write(line),
  } = options;
  const log = (at: Level, msg: string, fields: Fields = {}): void => {
    if (severity[at] < severity[level]) return;
    write(
      `${JSON.stringify({ ts: new Date().toISOString(), level: at, msg, ...own, ...fields }, printable)}\n`,
    );
  };
  return {
    debug: (msg, fields) => log('debug', msg, fields),
    info: (msg, fields) => log('info', msg, fields),
    warn: (msg, fields) => log('warn', msg, fields),
    error: (msg, fields) => log('error', msg, fields),
    child: (fields) => createLogger({ level, fields: { ...own, ...fields }, write }),
  };
}

/** Drops every line: for tests and for library use. */
export const silentLogger: Logger = createLogger({ write: () => {} });

function printable(_key: string, value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  return typeof value === 'bigint' ? value.toString() : value;
}
