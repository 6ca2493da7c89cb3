/** The same among rules of the older iptables (x_tables), which nft does not see: what iptables-save prints in, restore's input out. Pure. */
import { isKubeProxyChain } from './names.ts';

export interface LegacyRemoval {
  /** `nat KUBE-SERVICES`. */
  chains: string[];
  /** For `iptables-legacy-restore --noflush`; empty where there is nothing. */
  input: string;
}

interface Table {
  name: string;
  chains: string[];
  rules: string[];
}

export function planLegacyRemoval(saved: string): LegacyRemoval {
  const tables = parseSaved(saved).map((table) => ({
    ...table,
    chains: table.chains.filter(isKubeProxyChain),
    rules: table.rules.filter(leadsToKubeProxy),
  }));
  const concerned = tables.filter(({ chains }) => chains.length > 0);
  return {
    chains: concerned.flatMap(({ name, chains }) => chains.map((chain) => `${name} ${chain}`)),
    input: concerned.map(renderRemoval).join(''),
  };
}

/** With --noflush a chain that is declared is emptied. */
function renderRemoval({ name, chains, rules }: Table): string {
  return [
    `*${name}`,
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...rules.map((rule) => rule.replace(/^-A /, '-D ')),
    ...chains.map((chain) => `-X ${chain}`),
    'COMMIT\n',
  ].join('\n');
}

function leadsToKubeProxy(rule: string): boolean {
  const [, from = ''] = /^-A (\S+)/.exec(rule) ?? [];
  const [, to = ''] = / -[jg] (\S+)/.exec(withoutComment(rule)) ?? [];
  return !isKubeProxyChain(from) && isKubeProxyChain(to);
}

/** Anybody may write ` -j KUBE-…` into one. */
const withoutComment = (rule: string): string => rule.replace(/--comment ("(?:[^"\\]|\\.)*"|\S+)/, '');

function parseSaved(text: string): Table[] {
  const tables: Table[] = [];
  for (const line of text.split('\n')) {
    const table = tables.at(-1);
    if (line.startsWith('*')) tables.push({ name: line.slice(1).trim(), chains: [], rules: [] });
    else if (line.startsWith(':')) table?.chains.push(line.slice(1).split(' ')[0]!);
    else if (/^(\[\d+:\d+\] )?-A /.test(line)) table?.rules.push(line.replace(/^\[\d+:\d+\] /, ''));
  }
  return tables;
}
