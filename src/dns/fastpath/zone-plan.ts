/**
 * Whether the kernel may answer for the cluster zone by what a Corefile says, and how: its answers must be those that
 * the chain of plugins gives. `cache` never holds the zone's names and `loadbalance` only changes
 * their order, by no rule unless it is given one. `local` answers `localhost` below every search domain.
 */
import type { Directive, ServerBlock } from '../corefile/directive.ts';
import { canonicalName, isBelow } from '../message/name.ts';

export interface ZonePlan {
  /** Canonical. */
  zone: string;
  /** Seconds. */
  ttl: number;
  recursive: boolean;
}

export type ZoneDecision = ZonePlan | { obstacle: string };

/** CoreDNS's own, where `kubernetes` has no `ttl`. */
const defaultTtl = 5;
const longestTtl = 3600;
const dnsPort = 53;

/** Plugins that may stand before `kubernetes` and leave its answers to plain questions for addresses as they are. */
const harmless = new Set(
  `root metadata cancel timeouts multisocket reload nsid bind debug trace ready health pprof prometheus errors any
   chaos loadbalance cache tls minimal transfer kubernetes`.split(/\s+/),
);
/** Plugins that `kubernetes` comes before: they see what it lets through. */
const behind = new Set('file auto secondary etcd loop forward grpc erratic whoami on sign nomad'.split(' '));
/** Plugins whose first words are followed by the zones that they are for; how many those words are. */
const zonal: Record<string, number> = { hosts: 1, template: 2 };
/** Options of `kubernetes` that leave the zone's addresses as they are, or that both sides know. */
const knownOptions = new Set(['pods', 'ttl', 'fallthrough', 'kubeconfig', 'startup_timeout', 'apiserver_qps', 'apiserver_burst', 'apiserver_max_inflight', 'endpoint', 'tls']); // biome-ignore format: one line

/** What the server block of the cluster zone says. */
export function planZone(blocks: readonly ServerBlock[]): ZoneDecision {
  const plain = blocks.filter(({ keys }) => keys.some(isPlain));
  const block = plain.find(({ directives }) => directives.some(isKubernetes));
  const kubernetes = block?.directives.find(isKubernetes);
  if (block === undefined || kubernetes === undefined)
    return { obstacle: 'no server block on port 53 has the plugin kubernetes' };
  const served = block.keys.filter(isPlain).map(({ zone }) => zone);
  const zone = (kubernetes.args.length > 0 ? kubernetes.args.map(canonicalName) : served).find(
    (name) => name !== '' && !name.endsWith('.arpa') && !name.includes('/'),
  );
  if (zone === undefined) return { obstacle: 'the plugin kubernetes has no zone of its own' };
  const rival = plain.filter((other) => other !== block).flatMap(({ keys }) => keys.filter(isPlain)).find((key) => isBelow(key.zone, zone) || (isBelow(zone, key.zone) && !served.some((own) => isBelow(own, key.zone)))); // biome-ignore format: one line
  if (rival !== undefined)
    return { obstacle: `another server block answers for ${rival.zone === '' ? '.' : rival.zone}` };
  if (block.directives.filter(isKubernetes).length > 1)
    return { obstacle: 'the plugin kubernetes stands twice in its server block' };
  const obstacle =
    block.directives.map((directive) => obstacleOf(directive, zone)).find((found) => found !== undefined) ??
    optionObstacle(kubernetes, zone);
  if (obstacle !== undefined) return { obstacle };
  const ttl = kubernetes.block?.find(({ name }) => name === 'ttl')?.args[0] ?? String(defaultTtl);
  if (!/^\d+$/.test(ttl) || Number(ttl) > longestTtl)
    return { obstacle: `the servers do not take the ttl "${ttl}"` };
  return {
    zone,
    ttl: Number(ttl),
    recursive: block.directives.some(({ name }) => name === 'forward'),
  };
}

const isPlain = ({ transport, port }: ServerBlock['keys'][number]) => transport === 'dns' && port === dnsPort;
const isKubernetes = ({ name }: Directive) => name === 'kubernetes';

function obstacleOf({ name, args, block = [], at }: Directive, zone: string): string | undefined {
  const isOrdering =
    name === 'loadbalance' && (args.some((arg) => arg !== 'round_robin') || block.length > 0);
  if ((harmless.has(name) && !isOrdering) || behind.has(name)) return undefined;
  const zones = args.slice(zonal[name] ?? args.length).map(canonicalName);
  const elsewhere = zones.length > 0 && zones.every((one) => !isBelow(zone, one) && !isBelow(one, zone));
  return elsewhere
    ? undefined
    : `${name} (${at.file}:${at.line}) comes before kubernetes and may change or must see each answer`;
}

function optionObstacle({ block = [] }: Directive, zone: string): string | undefined {
  for (const { name, args, at } of block) {
    if (!knownOptions.has(name))
      return `kubernetes' option ${name} (${at.file}:${at.line}) is known to the server only`;
    const through =
      name === 'fallthrough' &&
      (args.length === 0 ||
        args.some((one) => isBelow(zone, canonicalName(one)) || isBelow(canonicalName(one), zone)));
    if (through) return `kubernetes lets names of ${zone} fall through (${at.file}:${at.line})`;
  }
  return undefined;
}
