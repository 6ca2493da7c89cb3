/**
 * `--internet`: the outside host's way through the machine, opt-in and the only thing of a lab that touches the
 * machine's own network: one veth, one nftables table, and forwarding switched on where it was off. What was
 * changed is written down in the lab's directory before it is changed, and undone from there.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KernelError } from '../../linux/errno.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { openNetns } from '../../linux/netns/netns.ts';
import { nftProgram } from '../../linux/nftables/nft-program.ts';
import { readSysctl, writeSysctl } from '../../linux/sysctl/sysctl.ts';
import { cidrContains, formatCidr, nthIp, parseCidr, subnet } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import type { LabConfig, LabPaths } from './lab-config.ts';

const forwarding = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'];

interface InternetRecord {
  link: string;
  table: string;
  /** Values before, of what was changed. */
  sysctls: Record<string, string>;
}

/** RFC 2544's block, which no network uses; each lab has a /30 of it by its name's hash. */
const linkBlocks = {
  4: { block: '198.18.0.0/16', prefix: 30 },
  6: { block: 'fd00:10:21::/112', prefix: 126 },
} as const;

export interface InternetPlan {
  link: string;
  table: string;
  /** Block between the machine (its first address) and the outside host (its second). */
  blocks: string[];
  /** The nftables ruleset of the machine. */
  ruleset: string;
  outsideRuleset: string;
}

/** Pure. `taken` are addresses of the machine: their blocks are passed over. */
export function planInternet(config: LabConfig, taken: readonly Ip[] = []): InternetPlan {
  const hash = createHash('sha1').update(config.name).digest();
  const families = config.fabricCidrs.map((text) => parseCidr(text).ip.family);
  const blocks = families.map((family) => {
    const { block, prefix } = linkBlocks[family];
    const first = hash.readUInt16BE(0);
    const choices = Array.from({ length: 100 }, (_, i) =>
      subnet(parseCidr(block), prefix, (first + i) % 2 ** 14),
    );
    return formatCidr(choices.find((choice) => !taken.some((ip) => cidrContains(choice, ip))) ?? choices[0]!);
  });
  const link = `tdi${hash.toString('hex').slice(0, 11)}`;
  const table = `tendril-${config.name}`;
  return {
    link,
    table,
    blocks,
    ruleset: machineRuleset(table, link, blocks),
    outsideRuleset: outsideRuleset(),
  };
}

function machineRuleset(table: string, link: string, blocks: string[]): string {
  const sources = blocks.map(
    (block) => `    ${block.includes(':') ? 'ip6' : 'ip'} saddr ${block} masquerade`,
  );
  return [
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    ...sources,
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter; policy accept;',
    // Only the lab goes out; nobody comes in through it.
    `    oifname "${link}" ct state established,related accept`,
    `    oifname "${link}" drop`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** The nodes' addresses are hidden behind the outside host's own. */
function outsideRuleset(): string {
  return 'table inet internet { chain postrouting { type nat hook postrouting priority srcnat; oifname "eth1" masquerade; }; }\n';
}

export async function setUpInternet(config: LabConfig, paths: LabPaths): Promise<void> {
  const plan = planInternet(config, machineAddresses());
  const wanted = wantedSysctls();
  const before = Object.fromEntries(Object.keys(wanted).map((key) => [key, readSysctl(null, key)]));
  const record: InternetRecord = { link: plan.link, table: plan.table, sysctls: before };
  writeFileSync(recordFile(paths.root), JSON.stringify(record));
  using outside = openNetns(paths.netns('outside'));
  joinMachine(plan, outside);
  writeSysctl(null, wanted);
  await nftProgram.apply(undefined, plan.ruleset);
  await nftProgram.apply(outside, plan.outsideRuleset);
}

function machineAddresses(): Ip[] {
  using machine = openRouteNetlink();
  return machine.addresses().map(({ ip }) => ip);
}

function machineLinks(): string[] {
  using machine = openRouteNetlink();
  return machine.links().map(({ name }) => name);
}

/**
 * Forwarding where it is off. An interface that forwards IPv6 ignores router advertisements unless accept_ra is 2
 * (kernel, ip-sysctl): the machine must not lose its own routes by that.
 */
function wantedSysctls(): Record<string, string> {
  const keys = forwarding.filter((key) => readSysctl(null, key) !== '1');
  const advertised = keys.includes('net.ipv6.conf.all.forwarding')
    ? machineLinks()
        .map((name) => `net.ipv6.conf.${name.replaceAll('.', '/')}.accept_ra`)
        .filter((key) => readSysctl(null, key) === '1')
    : [];
  return Object.fromEntries([...advertised.map((key) => [key, '2']), ...keys.map((key) => [key, '1'])]);
}

function joinMachine(plan: InternetPlan, outside: ReturnType<typeof openNetns>): void {
  using machine = openRouteNetlink();
  const link = machine.addLink({
    kind: 'veth',
    name: plan.link,
    up: true,
    peer: { name: 'eth1', netns: outside, up: true },
  });
  using netlink = openRouteNetlink(outside);
  const eth1 = netlink.link('eth1')!;
  for (const text of plan.blocks) {
    const block = parseCidr(text);
    const [near, far] = [nthIp(block, 1), nthIp(block, 2)];
    machine.ensureAddress({ link: link.index, ip: near, prefix: block.prefix, noDad: true });
    netlink.ensureAddress({ link: eth1.index, ip: far, prefix: block.prefix, noDad: true });
    netlink.ensureRoute({ family: near.family, gateway: near, link: eth1.index });
  }
}

/** Undoes what the record in the lab's directory tells; nothing where there is none. */
export async function undoInternet(root: string): Promise<void> {
  const file = recordFile(root);
  if (!existsSync(file)) return;
  const record = JSON.parse(readFileSync(file, 'utf8')) as InternetRecord;
  await nftProgram.apply(undefined, `table inet ${record.table}\ndelete table inet ${record.table}\n`);
  using machine = openRouteNetlink();
  const link = machine.link(record.link);
  if (link) machine.deleteLink(link.index);
  if (!handOver(root, record.sysctls)) restoreSysctls(record.sysctls);
  unlinkSync(file);
}

/** An interface that is gone takes its settings with it. */
function restoreSysctls(sysctls: Record<string, string>): void {
  for (const [key, value] of Object.entries(sysctls)) {
    try {
      writeSysctl(null, { [key]: value });
    } catch (error) {
      if (!(error instanceof KernelError && error.errnoName === 'ENOENT')) throw error;
    }
  }
}

/** Another lab with a way out still needs the settings: it remembers their values from before instead. */
function handOver(root: string, sysctls: Record<string, string>): boolean {
  const labs = dirname(root);
  const other = readdirSync(labs)
    .map((name) => recordFile(join(labs, name)))
    .find((file) => file !== recordFile(root) && existsSync(file));
  if (other === undefined) return false;
  const record = JSON.parse(readFileSync(other, 'utf8')) as InternetRecord;
  writeFileSync(other, JSON.stringify({ ...record, sysctls: { ...record.sysctls, ...sysctls } }));
  return true;
}

function recordFile(root: string): string {
  return join(root, 'internet.json');
}
