/** The outside host's servers: DNS for node names and the rest of the world, and HTTP on port 80. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { DnsPlugin } from '../../dns/plugin.ts';
import { forwardPlugin } from '../../dns/plugins/forward/forward.ts';
import { nameserversOf } from '../../dns/resolv-conf.ts';
import { type DnsServer, startDnsServer } from '../../dns/server/dns-server.ts';
import { openNetns } from '../../linux/netns/netns.ts';
import { bindUdp, listenTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import type { Launcher } from '../launcher/launcher.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';
import { outsideNamesPlugin } from './outside-names.ts';

const dnsPort = 53;
const httpPort = 80;

/** What it gives back ends its DNS; its HTTP server is a process of its own. */
export async function startOutsideHost(
  config: LabConfig,
  paths: LabPaths,
  { launcher, logger }: { launcher: Launcher; logger: Logger },
): Promise<() => Promise<void>> {
  writeResolvConf(config, paths);
  const [dns] = await Promise.all([startDns(config, paths, logger), startHttp(config, paths, launcher)]);
  return () => dns.close();
}

/** The nodes' resolver, and that of commands which `exec` runs on nodes and outside. */
function writeResolvConf(config: LabConfig, paths: LabPaths): void {
  const directory = join(paths.root, 'etc');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'resolv.conf'), config.outsideIps.map((ip) => `nameserver ${ip}\n`).join(''));
}

/** One socket per address: answers leave from the address that was asked. */
async function startDns(config: LabConfig, paths: LabPaths, logger: Logger): Promise<DnsServer> {
  using outside = openNetns(paths.netns('outside'));
  const listen = config.outsideIps.map((text) => {
    const at = { ip: parseIp(text), port: dnsPort };
    return { udp: { fd: bindUdp(outside, at), family: at.ip.family }, tcp: { fd: listenTcp(outside, at) } };
  });
  const plugins = [outsideNamesPlugin(config), ...(config.internet ? [await machineResolver()] : [])];
  return await startDnsServer({ plugins, logger, listen });
}

/** Asks the machine's own nameservers, from the machine's own network. */
async function machineResolver(): Promise<DnsPlugin> {
  const text = await readFile('/etc/resolv.conf', 'utf8');
  return forwardPlugin({ upstreams: nameserversOf(text).map((address) => ({ address, port: 53 })) });
}

async function startHttp(config: LabConfig, paths: LabPaths, launcher: Launcher): Promise<void> {
  await launcher.start({
    id: 'outside/http',
    argv: [join(config.program, 'dist', 'native', 'standin'), '--http', String(httpPort)],
    env: {
      TENDRIL_POD: 'outside',
      TENDRIL_NAMESPACE: '',
      TENDRIL_NODE: 'outside',
      TENDRIL_POD_IPS: config.outsideIps.join(','),
    },
    cgroup: join(paths.cgroup, 'outside', 'servers'),
    netns: paths.netns('outside'),
    log: join(paths.logs, 'outside.log'),
  });
}
