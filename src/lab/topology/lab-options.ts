/**
 * From what the user asks for to a LabConfig: defaults, addresses, and every reason why it cannot be, all told
 * at once. Pure.
 */
import { type Cidr, cidrSize, cidrsOverlap, formatCidr, nthIp, parseCidr } from '../../net/cidr.ts';
import { type Family, formatIp } from '../../net/ip.ts';
import { describeError, TendrilError } from '../../util/errors.ts';
import type { ExternalApiServer } from '../external/external-api-server.ts';
import type { LabConfig } from './lab-config.ts';

export type IpFamilyMode = 'dual' | 'ipv4' | 'ipv6';

export interface LabOptions {
  name: string;
  nodes: number;
  ipFamily: IpFamilyMode;
  /** As given; one per family at most. Empty: the defaults. */
  podCidrs: string[];
  serviceCidrs: string[];
  fastProbes: boolean;
  state?: string | undefined;
  authorization?: 'rbac' | undefined;
  podPidsLimit: number;
  external?: ExternalApiServer | undefined;
  xdp?: 'native' | 'generic' | undefined;
  internet: boolean;
  program: string;
}

export const maxNodes = 100;

export const defaultPodPidsLimit = 1024;
/** A container takes three on its way to its command. */
const leastPodPidsLimit = 16;

const defaults: Record<'fabric' | 'pod' | 'service', Record<Family, string>> = {
  fabric: { 4: '172.20.0.0/16', 6: 'fd00:10:20::/64' },
  pod: { 4: '10.244.0.0/16', 6: 'fd00:10:244::/56' },
  service: { 4: '10.96.0.0/16', 6: 'fd00:10:96::/112' },
};

/** Prefix length of the slice of the pod CIDR that each node gets, as kube-controller-manager's defaults. */
export const nodePrefix: Record<Family, number> = { 4: 24, 6: 64 };

/** On the fabric; kube-apiserver's default. */
const apiServerPort = 6443;

/** Numbers of addresses inside the fabric's subnets. */
const outsideIndex = 1;
const apiServerIndex = 2;
const firstNodeIndex = 11;
/** Number of the cluster DNS Service inside the Service CIDR: kubeadm's choice. */
const dnsIndex = 10;

/** What the outside host answers for: the documentation blocks of RFC 5737 and RFC 3849. */
export const externalCidrs: Record<Family, string> = { 4: '198.51.100.0/24', 6: '2001:db8::/32' };

/** @throws TendrilError BAD_INPUT that lists every problem */
export function planLab(options: LabOptions): LabConfig {
  const problems: string[] = [];
  const families: Family[] = options.ipFamily === 'dual' ? [4, 6] : options.ipFamily === 'ipv4' ? [4] : [6];
  checkNames(options, problems);
  const pod = chooseCidrs('pod', options.podCidrs, families, problems);
  const service = chooseCidrs('service', options.serviceCidrs, families, problems);
  const fabric = families.map((family) => parseCidr(defaults.fabric[family]));
  checkSizes(options.nodes, pod, service, problems);
  checkOverlaps({ pod, service, fabric }, problems);
  if (problems.length > 0) throw new TendrilError('BAD_INPUT', problems.join('; '));
  const at = (cidrs: Cidr[], index: number) => cidrs.map((cidr) => formatIp(nthIp(cidr, index)));
  return {
    name: options.name,
    nodes: Array.from({ length: options.nodes }, (_, i) => ({
      name: `node-${i + 1}`,
      ips: at(fabric, firstNodeIndex + i),
    })),
    podCidrs: pod.map(formatCidr),
    serviceCidrs: service.map(formatCidr),
    fabricCidrs: fabric.map(formatCidr),
    apiServerIps: at(fabric, apiServerIndex),
    outsideIps: at(fabric, outsideIndex),
    dnsIps: at(service, dnsIndex),
    clusterDomain: 'cluster.local',
    apiServerPort,
    fastProbes: options.fastProbes,
    ...(options.state && { state: options.state }),
    ...(options.authorization && { authorization: options.authorization }),
    podPidsLimit: options.podPidsLimit,
    ...(options.external && { external: options.external }),
    ...(options.xdp && { xdp: options.xdp }),
    internet: options.internet,
    program: options.program,
  };
}

/** A lab's name is a directory, a cgroup and a part of messages: a DNS label keeps it harmless. */
export function isLabName(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name);
}

function checkNames(options: LabOptions, problems: string[]): void {
  if (!isLabName(options.name)) {
    problems.push(
      `the name "${options.name}" must be lower case letters, digits and "-", 40 characters at most`,
    );
  }
  if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > maxNodes) {
    problems.push(`the number of nodes must be between 1 and ${maxNodes}, not ${options.nodes}`);
  }
  if (!(options.podPidsLimit >= leastPodPidsLimit))
    problems.push(`a pod needs ${leastPodPidsLimit} processes at least, not ${options.podPidsLimit}`);
}

/** The given blocks, one per family of the lab at most, and the defaults for families without one. */
function chooseCidrs(
  what: 'pod' | 'service',
  given: string[],
  families: Family[],
  problems: string[],
): Cidr[] {
  const chosen = new Map<Family, Cidr>();
  for (const text of given) {
    try {
      const cidr = parseCidr(text);
      const { family } = cidr.ip;
      if (!families.includes(family))
        problems.push(`the ${what} CIDR ${text} is IPv${family}, which this lab does not have`);
      else if (chosen.has(family))
        problems.push(`two ${what} CIDRs are IPv${family}; one per family is possible`);
      else chosen.set(family, cidr);
    } catch (error) {
      problems.push(`${what} CIDR: ${describeError(error)}`);
    }
  }
  const first = given.length > 0 ? [...chosen.keys()][0] : undefined;
  const order = first === undefined ? families : [first, ...families.filter((family) => family !== first)];
  return order.map((family) => chosen.get(family) ?? parseCidr(defaults[what][family]));
}

function checkSizes(nodes: number, pod: Cidr[], service: Cidr[], problems: string[]): void {
  for (const cidr of pod) {
    const prefix = nodePrefix[cidr.ip.family];
    const slices = prefix < cidr.prefix ? 0 : 2 ** Math.min(20, prefix - cidr.prefix);
    if (slices < nodes) {
      problems.push(
        `the pod CIDR ${formatCidr(cidr)} has room for ${slices} nodes of a /${prefix} each, and there are ${nodes}`,
      );
    }
  }
  for (const cidr of service) {
    if (cidrSize(cidr) < 32n)
      problems.push(
        `the Service CIDR ${formatCidr(cidr)} is too small; a /${cidr.ip.family === 4 ? 27 : 123} is the least`,
      );
    // kube-apiserver's own limits.
    const widest = cidr.ip.family === 4 ? 12 : 108;
    if (cidr.prefix < widest)
      problems.push(`the Service CIDR ${formatCidr(cidr)} is too large; a /${widest} is the most`);
  }
}

/** What no block of the user's may cover. */
const reserved: Record<string, string[]> = {
  'loopback addresses': ['127.0.0.0/8', '::1/128'],
  'link-local addresses': ['169.254.0.0/16', 'fe80::/10'],
  'multicast addresses': ['224.0.0.0/4', 'ff00::/8'],
  'the outside host': Object.values(externalCidrs),
};

function checkOverlaps(blocks: Record<'pod' | 'service' | 'fabric', Cidr[]>, problems: string[]): void {
  const pairs = [
    ['pod', 'service'],
    ['pod', 'fabric'],
    ['service', 'fabric'],
  ] as const;
  for (const [a, b] of pairs) {
    for (const x of blocks[a]) {
      for (const y of blocks[b]) {
        if (cidrsOverlap(x, y))
          problems.push(`the ${a} CIDR ${formatCidr(x)} overlaps the ${b} CIDR ${formatCidr(y)}`);
      }
    }
  }
  for (const what of ['pod', 'service'] as const) {
    for (const cidr of blocks[what]) {
      for (const [owner, texts] of Object.entries(reserved)) {
        if (texts.some((text) => cidrsOverlap(cidr, parseCidr(text)))) {
          problems.push(`the ${what} CIDR ${formatCidr(cidr)} overlaps ${owner}`);
        }
      }
    }
  }
}
