/** The directive `forward FROM TO... { … }` (coredns.io/plugins/forward), read. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  onlyArgument,
  unknownOption,
  wholeNumber,
  zonesOfText,
} from '../../corefile/options.ts';
import { rcodeNumber } from '../../message/names-of-numbers.ts';
import { type UpstreamAddress, upstreamAddresses } from './upstream-address.ts';

export const policies = ['random', 'round_robin', 'sequential'] as const;
export type PolicyName = (typeof policies)[number];

export interface ForwardOptions {
  /** Canonical. */
  from: string;
  upstreams: UpstreamAddress[];
  except: string[];
  forceTcp: boolean;
  preferUdp: boolean;
  /** How long a connection may rest before it is closed, and how old it may become (0: any age), ms. */
  expireMs: number;
  maxAgeMs: number;
  /** Per upstream; 0: any number. */
  maxIdleConns: number;
  readTimeoutMs: number;
  /** Failed health checks in a row that an upstream may have; 0: none is checked. */
  maxFails: number;
  /** Tries of one query; 0: as many as there is time for. Absent: twice the upstreams. */
  maxConnectAttempts?: number;
  tls: SecureContextOptions;
  tlsServerName?: string;
  policy: PolicyName;
  healthCheck: { intervalMs: number; recursionDesired: boolean; domain: string };
  /** 0: as many as is safe. */
  maxConcurrent: number;
  /** Answers with which the next `forward` of the block is asked. */
  nextRcodes: number[];
  nextOnNodata: boolean;
  /** Answers with which the next upstream is asked. */
  failoverRcodes: number[];
  failfast: boolean;
  sourceAddress?: string;
  /** Servers that host names among the upstreams are asked of; none: the system's. */
  resolvers: string[];
}

const maxUpstreams = 15;
const maxCount = 2 ** 31 - 1;

export function forwardDefaults(upstreams: UpstreamAddress[], from = ''): ForwardOptions {
  return {
    from,
    upstreams,
    except: [],
    forceTcp: false,
    preferUdp: false,
    expireMs: 10_000,
    maxAgeMs: 0,
    maxIdleConns: 0,
    readTimeoutMs: 2000,
    maxFails: 2,
    tls: {},
    policy: 'random',
    healthCheck: { intervalMs: 500, recursionDesired: true, domain: '' },
    maxConcurrent: 0,
    nextRcodes: [],
    nextOnNodata: false,
    failoverRcodes: [],
    failfast: false,
    resolvers: [],
  };
}

/** @throws TendrilError COREFILE */
export function readForward(directive: Directive, directory: string): ForwardOptions {
  const { at } = directive;
  countArguments(directive, 2, Number.POSITIVE_INFINITY);
  const [from, ...to] = directive.args as [string, ...string[]];
  const readFile = (path: string) => tryRead(resolve(directory, path));
  const options = forwardDefaults(
    distinct(to.flatMap((word) => upstreamAddresses(word, { at, readFile }))),
    zonesOfText(from, at)[0]!,
  );
  for (const line of directive.block ?? []) {
    const read = readers[line.name];
    if (read === undefined) throw unknownOption(line, 'forward');
    read(options, line, directory);
  }
  check(options, directive, to.length);
  return options;
}

function check(options: ForwardOptions, { at }: Directive, words: number): void {
  const { upstreams, maxAgeMs, expireMs, tlsServerName } = options;
  if (upstreams.length === 0) throw corefileError(at, 'there is no server to forward to');
  if (words > maxUpstreams)
    throw corefileError(at, `forward takes at most ${maxUpstreams} servers, here are ${words}`);
  if (maxAgeMs > 0 && maxAgeMs < expireMs)
    throw corefileError(at, 'max_age is less than expire', 'Make expire the shorter one.');
  const named = upstreams.find(({ serverName }) => serverName !== undefined);
  if (tlsServerName !== undefined && named !== undefined)
    throw corefileError(
      at,
      `tls_servername says "${tlsServerName}", and the server ${named.host} has "${named.serverName}"`,
      'Name servers in one of the two ways.',
    );
}

function distinct(upstreams: UpstreamAddress[]): UpstreamAddress[] {
  const seen = new Set<string>();
  return upstreams.filter(({ host, port }) => {
    const key = `${host} ${port}`;
    return !seen.has(key) && seen.add(key);
  });
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

type Reader = (options: ForwardOptions, line: Directive, directory: string) => void;

const flag =
  (name: 'forceTcp' | 'preferUdp' | 'failfast' | 'nextOnNodata'): Reader =>
  (options, line) => {
    countArguments(line, 0);
    options[name] = true;
  };

const duration =
  (name: 'expireMs' | 'maxAgeMs' | 'readTimeoutMs', min = 0): Reader =>
  (options, line) => {
    options[name] = durationMs(onlyArgument(line), line.at);
    if (options[name] < min) throw corefileError(line.at, `${line.name} must be longer than nothing`);
  };

const count =
  (name: 'maxFails' | 'maxConnectAttempts' | 'maxIdleConns' | 'maxConcurrent'): Reader =>
  (options, line) => {
    options[name] = wholeNumber(onlyArgument(line), { min: 0, max: maxCount }, line.at);
  };

const rcodes =
  (name: 'nextRcodes' | 'failoverRcodes'): Reader =>
  (options, line) => {
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    for (const word of line.args) {
      const rcode = rcodeNumber(word.toUpperCase());
      if (rcode === undefined) throw corefileError(line.at, `"${word}" is no response code`);
      if (rcode === 0 && name === 'failoverRcodes')
        throw corefileError(line.at, 'failover does not take NOERROR: that is a good answer');
      options[name].push(rcode);
    }
  };

const readers: Record<string, Reader> = {
  except: (options, line) => {
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    options.except.push(...line.args.flatMap((word) => zonesOfText(word, line.at)));
  },
  force_tcp: flag('forceTcp'),
  prefer_udp: flag('preferUdp'),
  failfast_all_unhealthy_upstreams: flag('failfast'),
  next_on_nodata: flag('nextOnNodata'),
  expire: duration('expireMs'),
  max_age: duration('maxAgeMs'),
  read_timeout: duration('readTimeoutMs', Number.MIN_VALUE),
  max_fails: count('maxFails'),
  max_connect_attempts: count('maxConnectAttempts'),
  max_idle_conns: count('maxIdleConns'),
  max_concurrent: count('maxConcurrent'),
  next: rcodes('nextRcodes'),
  failover: rcodes('failoverRcodes'),
  health_check: readHealthCheck,
  tls: readTls,
  tls_servername: (options, line) => {
    options.tlsServerName = onlyArgument(line);
  },
  policy: (options, line) => {
    const word = onlyArgument(line);
    const policy = policies.find((one) => one === word);
    if (policy === undefined)
      throw corefileError(line.at, `"${word}" is no policy`, `There are ${policies.join(', ')}.`);
    options.policy = policy;
  },
  source_address: (options, line) => {
    const word = onlyArgument(line);
    if (isIP(word) === 0) throw corefileError(line.at, `"${word}" is no IP address`);
    options.sourceAddress = word.replace(/^::ffff:(?=\d+\.)/i, '');
  },
  resolver: (options, line) => {
    countArguments(line, 1, Number.POSITIVE_INFINITY);
    for (const word of line.args) {
      const [address] = upstreamAddresses(word, { at: line.at, readFile: () => undefined });
      if (address?.isName) throw corefileError(line.at, `"${word}" is no IP address`);
      options.resolvers.push(word);
    }
  },
};

function readHealthCheck(options: ForwardOptions, line: Directive): void {
  countArguments(line, 1, 4);
  const [interval, ...words] = line.args as [string, ...string[]];
  options.healthCheck = {
    ...options.healthCheck,
    intervalMs: durationMs(interval, line.at),
    domain: '',
  };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'no_rec') options.healthCheck.recursionDesired = false;
    else if (word === 'domain' && words.length > 0)
      options.healthCheck.domain = zonesOfText(words.shift()!, line.at)[0]!;
    else throw corefileError(line.at, `health_check does not take "${word}" here`);
  }
}

/** `tls`, `tls CA`, `tls CERT KEY`, `tls CERT KEY CA`. */
function readTls(options: ForwardOptions, line: Directive, directory: string): void {
  countArguments(line, 0, 3);
  const files = line.args.map((name) => {
    const text = tryRead(resolve(directory, name));
    if (text === undefined) throw corefileError(line.at, `the file ${name} cannot be read`);
    return text;
  });
  if (files.length === 1) options.tls = { ca: files[0]! };
  else if (files.length > 1)
    options.tls = { cert: files[0]!, key: files[1]!, ...(files[2] && { ca: files[2] }) };
  try {
    createSecureContext(options.tls);
  } catch (cause) {
    throw corefileError(line.at, 'the certificates cannot be used', String(cause));
  }
}
