/** Kernel parameters of the node's network namespace that the pod network rests on. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readSysctl, type Sysctls } from '../linux/sysctl/sysctl.ts';
import { hostSocketPorts, nodePorts } from '../net/ports.ts';
import type { AgentConfig } from './config.ts';
import { changeSysctls, formerSysctlsName } from './former-sysctls.ts';

export interface SysctlSituation {
  uplink: string;
  ipv6: boolean;
  /** Of the uplink, as it is now. */
  acceptRa: string | undefined;
  /** net.ipv4.ip_local_reserved_ports as it is now. */
  reservedPorts: string;
}

/** In order. Pure. */
export function planNodeSysctls({ uplink, ipv6, acceptRa, reservedPorts }: SysctlSituation): Sysctls {
  const name = uplink.replaceAll('.', '/');
  return {
    // First: when it changes the kernel sets the interfaces' own parameters anew (ip-sysctl, ip_forward).
    'net.ipv4.ip_forward': 1,
    // The highest of `all` and the interface's own counts. A reply may come in by another way than the request.
    'net.ipv4.conf.all.rp_filter': 0,
    [`net.ipv4.conf.${name}.rp_filter`]: 0,
    // Sockets of the node keep clear of NodePorts, masquerade and Tendril's own translation.
    'net.ipv4.ip_local_port_range': `${hostSocketPorts.first} ${hostSocketPorts.last}`,
    'net.ipv4.ip_local_reserved_ports': withRange(reservedPorts, `${nodePorts.first}-${nodePorts.last}`),
    ...(ipv6 && {
      // A router ignores advertisements unless told 2: a node that has its default route from them keeps it.
      ...(acceptRa === '1' && { [`net.ipv6.conf.${name}.accept_ra`]: 2 }),
      'net.ipv6.conf.all.forwarding': 1,
    }),
  };
}

/** In the thread's namespace; what they were before is kept in the state directory. @throws KernelError naming the key */
export function applyNodeSysctls({
  uplink,
  stateDirectory,
}: Pick<AgentConfig, 'uplink' | 'stateDirectory'>): void {
  const ipv6 = hasIpv6();
  const acceptRa = ipv6
    ? readSysctl(null, `net.ipv6.conf.${uplink.replaceAll('.', '/')}.accept_ra`)
    : undefined;
  const reservedPorts = readSysctl(null, 'net.ipv4.ip_local_reserved_ports');
  const values = planNodeSysctls({ uplink, ipv6, acceptRa, reservedPorts });
  changeSysctls(join(stateDirectory, formerSysctlsName), values);
}

export function hasIpv6(): boolean {
  return existsSync('/proc/sys/net/ipv6');
}

function withRange(present: string, range: string): string {
  const ranges = present.split(',').filter((each) => each !== '');
  return [...new Set([...ranges, range])].join(',');
}
