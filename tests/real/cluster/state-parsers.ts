/** Turns what programs print about a node into the things of `state-difference.ts`. Pure. */
import { byKey } from './state-difference.ts';

type Things = Map<string, string>;
type Json = Record<string, unknown>;

/** `ip -j -d link`. Numbers of interfaces are others each time. */
export function parseLinks(text: string): Things {
  return byKey(
    objects(text).map((link) => {
      const { info_kind: kind } = (link.linkinfo ?? {}) as Json;
      const up = (link.flags as string[]).includes('UP');
      return [String(link.ifname), JSON.stringify({ kind, up, ...pick(link, ['mtu', 'master', 'ifalias']) })];
    }),
  );
}

/** `ip -j addr`. */
export function parseAddresses(text: string): Things {
  return byKey(
    objects(text).flatMap(({ ifname, addr_info }) =>
      (addr_info as Json[]).map(
        (each) => [`${ifname} ${each.local}/${each.prefixlen}`, String(each.scope)] as const,
      ),
    ),
  );
}

/** `ip -j route show table all` of a family. */
export function parseRoutes(text: string, family: 4 | 6): Things {
  return byKey(
    objects(text).map((route) => {
      const { type, dst, dev, table = 'main', gateway, ...rest } = route as Record<string, string>;
      const key = [`IPv${family}`, table, type, dst, gateway && `via ${gateway}`, dev && `dev ${dev}`];
      const told = pick(rest, ['protocol', 'prefsrc', 'metric', 'scope']);
      return [key.filter(Boolean).join(' '), JSON.stringify(told)];
    }),
  );
}

/** `ip -j rule` of a family. */
export function parseRules(text: string, family: 4 | 6): Things {
  return byKey(
    objects(text).map(({ priority, ...rest }) => [`IPv${family} ${priority}`, JSON.stringify(rest)]),
  );
}

/** `ip -j neigh show nud permanent`, or `… proxy`. */
export function parseNeighbours(text: string, proxy: boolean): Things {
  return byKey(
    objects(text).map(({ dst, dev, lladdr }) => [
      `${proxy ? 'proxy ' : ''}${dst} dev ${dev}`,
      String(lladdr ?? ''),
    ]),
  );
}

/** `nft -j list ruleset`: rules by their place in the chain; without handles, counters and what packets put into sets. */
export function parseNftables(text: string): Things {
  const { nftables = [] } = JSON.parse(text || '{}') as { nftables?: Json[] };
  const places = new Map<string, number>();
  return byKey(
    nftables.flatMap((item) => {
      const [what, value] = Object.entries(item)[0] as [string, Json];
      if (what === 'metainfo') return [];
      const owner = [value.family, value.table, value.chain].filter(Boolean).join(' ');
      const place = what === 'rule' ? (places.get(owner) ?? 0) : undefined;
      if (place !== undefined) places.set(owner, place + 1);
      const name = value.name ?? (place === undefined ? '' : `#${place}`);
      return [[`${what} ${owner} ${name}`.trim(), JSON.stringify(steady(value))] as const];
    }),
  );
}

/** Without what changes by itself. */
function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(steady);
  if (typeof value !== 'object' || value === null) return value;
  const { handle: _, index: __, counter, ...rest } = value as Json;
  const kept = Object.entries(rest).filter(([key]) => key !== 'expires');
  return {
    ...Object.fromEntries(kept.map(([key, each]) => [key, steady(each)])),
    ...(counter !== undefined && { counter: null }),
  };
}

/** `iptables-save` of a backend: chains and rules, by table. */
export function parseIptables(text: string, program: string): Things {
  let table = '';
  const entries: [string, string][] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (/^[:-]/.test(line))
      entries.push([`${program} ${table} ${line.replace(/\s*\[\d+:\d+\]\s*/, ' ').trim()}`, '']);
  }
  return byKey(entries);
}

/** Counters that sysctl(8) shows. */
const counters = /^net\.(netfilter\.nf_conntrack_count|ipv4\.route\.|ipv6\.route\.)/;

/** `sysctl -a`, of the network. */
export function parseSysctls(text: string): Things {
  const lines = text.split('\n').filter((line) => line.startsWith('net.') && !counters.test(line));
  return byKey(
    lines.map((line) => {
      const at = line.indexOf(' =');
      return [line.slice(0, at), line.slice(at + 2).trim()];
    }),
  );
}

/** `find -printf '%p\t%y %m %l %s\n'`; a directory's own size says nothing. */
export function parseFiles(text: string): Things {
  return byKey(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [path, told = ''] = line.split('\t') as [string, string?];
        return [path, told.startsWith('d') ? told.replace(/ \d+$/, '') : told];
      }),
  );
}

/** /proc/PID/mountinfo (proc(5)). */
export function parseMounts(text: string): Things {
  return byKey(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [before = '', after = ''] = line.split(' - ');
        return [before.split(' ')[4]!, after.split(' ')[0]!];
      }),
  );
}

function objects(text: string): Json[] {
  return (JSON.parse(text.trim() || '[]') as Json[]).filter((each) => Object.keys(each).length > 0);
}

function pick(from: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
}
