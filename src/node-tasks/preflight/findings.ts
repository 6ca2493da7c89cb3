/** What a node's files and rules say of other networks on it and of what gets in the way. Reads only. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { conflistName } from '../../agent/conflist.ts';

export interface Conflist {
  file: string;
  name: string;
  /** Of its plugins, in order. */
  types: string[];
}

/** Those of others, in the order in which a runtime takes the first. Files that cannot be read are named with no plugin. */
export function foreignConflists(host: string, directory: string): Conflist[] {
  const path = join(host, directory);
  if (!existsSync(path)) return [];
  const files = readdirSync(path).filter(
    (file) => /\.(conf|conflist|json)$/.test(file) && file !== conflistName,
  );
  return files.sort().map((file) => ({ file, ...parseConflist(join(path, file)) }));
}

function parseConflist(path: string): { name: string; types: string[] } {
  try {
    const {
      name = '',
      type,
      plugins = [],
    } = JSON.parse(readFileSync(path, 'utf8')) as {
      name?: string;
      type?: string;
      plugins?: { type?: string }[];
    };
    const types = [type, ...plugins.map((plugin) => plugin.type)];
    return { name, types: types.filter((each) => each !== undefined) };
  } catch {
    return { name: '', types: [] };
  }
}

/** What kube-proxy of any mode left or keeps in this network namespace, by the text of `nft list ruleset`. */
export function kubeProxyRules(ruleset: string): string[] {
  const found = new Set<string>();
  let table = '';
  for (const line of ruleset.split('\n')) {
    const opened = /^table (\S+ \S+) /.exec(line)?.[1];
    if (opened !== undefined) table = opened;
    if (opened?.endsWith(' kube-proxy')) found.add(`nftables table ${opened}`);
    else if (/^\s+chain KUBE-(SERVICES|NODEPORTS|POSTROUTING)\b/.test(line))
      found.add(`iptables table ${table}`);
  }
  return [...found];
}

/** Whether it runs: its rules would drop what passes from interface to interface. */
export const hasFirewalld = (ruleset: string): boolean => /^table \S+ firewalld /m.test(ruleset);

/** systemd-networkd removes routes and rules that it did not make, unless told not to. */
export function removesForeignRoutes(host: string): boolean {
  if (!existsSync(join(host, 'run/systemd/netif/state'))) return false;
  return !networkdConfigs(host).some((text) =>
    /^\s*ManageForeignRoutes\s*=\s*(no|false|off|0)\s*$/im.test(text),
  );
}

function networkdConfigs(host: string): string[] {
  return ['etc', 'run', 'usr/lib'].flatMap((root) => {
    const base = join(host, root, 'systemd');
    const more = join(base, 'networkd.conf.d');
    const files = existsSync(more) ? readdirSync(more).map((file) => join(more, file)) : [];
    return [join(base, 'networkd.conf'), ...files]
      .filter(existsSync)
      .map((path) => readFileSync(path, 'utf8'));
  });
}

/** Of the directories those that cannot be written to, or be made. */
export function unwritable(host: string, directories: readonly string[]): string[] {
  return directories.filter((directory) => {
    let path = join(host, directory);
    while (!existsSync(path) && path !== dirname(path)) path = dirname(path);
    try {
      accessSync(path, constants.W_OK);
      return false;
    } catch {
      return true;
    }
  });
}
