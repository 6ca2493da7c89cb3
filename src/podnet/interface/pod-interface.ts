/**
 * How a pod is plugged into its node: one device in the pod's namespace and what the node needs to reach it.
 * How nodes reach each other's pods is another matter (`backend/`); any of the one goes with any of the other.
 *
 * Contract of every implementation:
 *  - what a pod's start waits for is synchronous and takes a few ms at most; what ends one leaves the event loop
 *    free meanwhile;
 *  - `add` leaves nothing behind when it throws; what a killed `add` left does not disturb the next;
 *  - `del` succeeds where anything, or all, is gone already;
 *  - nothing is remembered between calls: the kernel is asked.
 */
import { createHash } from 'node:crypto';
import type { Ip } from '../../net/ip.ts';
import type { Mac } from '../../net/mac.ts';

export interface PodInterfaceSpec {
  containerId: string;
  /** Name of the device in the pod, at most 15 characters. */
  ifName: string;
  /** Path of the pod's network namespace. */
  netns: string;
  /** At most one per family. */
  ips: readonly Ip[];
}

/** What `add` made. */
export interface PodLink {
  /** Host end, in the node's namespace. */
  host: { name: string; ifindex: number; mac: Mac };
  /** The pod's own end. */
  pod: { name: string; mac: Mac };
  mtu: number;
  /** The pod's default gateways, one per family. */
  gateways: readonly Ip[];
}

export interface PodInterface {
  readonly name: string;
  /**
   * `beforeUp` is called when the device is there and neither end is up yet: what must be in force before the pod's
   * first packet.
   * @throws KernelError EEXIST when the pod has a device of that name; others by what failed
   */
  add(spec: PodInterfaceSpec, beforeUp?: (link: PodLink) => void): PodLink;
  /**
   * What there is and what is wrong with it: no `problems` means as `add` made it; no `link` means that the
   * device is gone. Each problem is a sentence about one thing.
   */
  check(spec: PodInterfaceSpec): { link?: PodLink; problems: string[] };
  /** Interface index of the host end, where there is one. */
  find(attachment: Pick<PodInterfaceSpec, 'containerId' | 'ifName'>): number | undefined;
  /** Gives the interface index that the host end had, where there was one. */
  del(attachment: Pick<PodInterfaceSpec, 'containerId' | 'ifName'>): Promise<number | undefined>;
  /** Removes devices of this kind that are not among the attachments; gives their names. */
  retain(attachments: readonly Pick<PodInterfaceSpec, 'containerId' | 'ifName'>[]): Promise<string[]>;
}

export const hostNamePrefix = 'tdl';

/**
 * Name of the host end: `tdl` and 11 hex digits, the longest that the kernel's 15 characters leave. It says
 * nothing but is the same for the same attachment, so that a killed ADD's device is found again.
 */
export function hostInterfaceName({ containerId, ifName }: { containerId: string; ifName: string }): string {
  const attachment = ifName === 'eth0' ? containerId : `${containerId}/${ifName}`;
  return hostNamePrefix + createHash('sha1').update(attachment).digest('hex').slice(0, 11);
}
