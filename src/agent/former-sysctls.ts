/**
 * What kernel parameters were before the agent first changed them in this boot, kept on disk until the node is given
 * back. A change of one alters others: whether packets are forwarded at all decides it for every interface anew, and
 * whether redirects are accepted (ip-sysctl, ip_forward). Those are remembered too.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { listSysctls, readSysctl, type Sysctls, writeSysctl } from '../linux/sysctl/sysctl.ts';

/** File in the agent's state directory. */
export const formerSysctlsName = 'sysctls.json';

interface Change {
  former: string;
  /** What it was after the agent's change; absent where the agent ended in between. */
  set?: string;
}

/** By key, in the order in which they are to be written back. */
type Changes = Record<string, Change>;

interface FormerSysctls {
  /** After another boot the kernel has its own values, and these say nothing. */
  boot: string;
  changes: Changes;
}

type Values = ReadonlyMap<string, string>;

/**
 * Applies `values` in the thread's namespace, and remembers at `path` what they and those that depend on them were.
 * @throws KernelError naming the key
 */
export function changeSysctls(path: string, values: Sysctls): void {
  const earlier = recall(path);
  // Interfaces of pods, which later starts find, are the agent's own.
  const others = Object.keys(earlier).length === 0 ? dependents() : [];
  const keys = [...new Set([...Object.keys(values), ...others])];
  const planned = planBefore(earlier, read(keys));
  // First on disk: what is not remembered cannot be given back.
  save(path, planned);
  writeSysctl(null, values);
  save(path, planAfter(planned, read(keys)));
}

/** Pure: everything that may change, with what it is now where it has not been changed before. */
export function planBefore(earlier: Changes, before: Values): Changes {
  const fresh = [...before].map(([key, former]) => [key, { former }]);
  return { ...Object.fromEntries(fresh), ...earlier };
}

/** Pure: the same with what each is after the change; also of those that stayed, since giving back may alter them. */
export function planAfter(planned: Changes, after: Values): Changes {
  const entries = Object.entries(planned);
  return Object.fromEntries(
    entries.map(([key, change]) => [key, { ...change, ...(after.has(key) && { set: after.get(key)! }) }]),
  );
}

export interface SysctlReturn {
  write: Record<string, string>;
  /** By somebody else changed since: left as they are. */
  kept: string[];
}

/** Pure: what gives the former values back. A parameter that is gone (its interface is) is none of either. */
export function planSysctlReturn(changes: Changes, current: Values): SysctlReturn {
  const plan: SysctlReturn = { write: {}, kept: [] };
  for (const [key, { former, set }] of Object.entries(changes)) {
    const value = current.get(key);
    if (value === undefined) continue;
    if (set === undefined || value === set) plan.write[key] = former;
    else if (value !== former && set !== former) plan.kept.push(key);
  }
  return plan;
}

/**
 * Gives the former values back, in the thread's namespace; what `changeSysctls` remembered at `path` stays there.
 * @returns keys that have another value than before, and those that somebody else has changed since
 */
export function returnSysctls(path: string): { returned: string[]; kept: string[] } {
  const changes = recall(path);
  const before = read(Object.keys(changes));
  const { write, kept } = planSysctlReturn(changes, before);
  // Each after the ones that alter it.
  for (const [key, value] of Object.entries(write)) writeSysctl(null, { [key]: value });
  return { returned: Object.keys(write).filter((key) => write[key] !== before.get(key)), kept };
}

/** Parameters that follow from whether packets are forwarded. */
function dependents(): string[] {
  return [
    'net.ipv4.conf.all.accept_redirects',
    ...['ipv4', 'ipv6'].flatMap((family) =>
      listSysctls(`net.${family}.conf`).map((name) => `net.${family}.conf.${name}.forwarding`),
    ),
  ];
}

function read(keys: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const key of keys) {
    try {
      values.set(key, readSysctl(null, key));
    } catch {
      // Its interface went, or this kernel has none.
    }
  }
  return values;
}

function recall(path: string): Changes {
  try {
    const { boot, changes } = JSON.parse(readFileSync(path, 'utf8')) as FormerSysctls;
    return boot === bootId() ? changes : {};
  } catch {
    return {};
  }
}

function save(path: string, changes: Changes): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify({ boot: bootId(), changes } satisfies FormerSysctls));
  renameSync(`${path}.new`, path);
}

function bootId(): string {
  return readSysctl(null, 'kernel.random.boot_id');
}
