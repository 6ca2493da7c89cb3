/**
 * Which network namespace is which pod's: how programs at the socket, which see no packet, know a pod; and by which veth
 * packets come to it. The pod's endpoint names both, and is written before and removed after what is here: who finds an
 * endpoint can remove all.
 */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import type { Ip } from '../../../net/ip.ts';
import type { PodAttachment } from '../../service-proxy-contract.ts';
import { layouts } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';

export class PodNamespaces {
  readonly #map: (name: string) => BpfMap;

  constructor(map: (name: string) => BpfMap) {
    this.#map = map;
  }

  remember(attachment: PodAttachment): void {
    const { ifindex, ips, netnsCookie = 0n, mac, link } = attachment;
    const way = link && layouts.podLink.encode({ ifindex, mac, ...link });
    for (const ip of way ? ips : []) this.#map('pod_links').update(addressKey(ip), way!);
    if (netnsCookie === 0n) return;
    const [v4, v6] = ([4, 6] as const).map((family) => ips.find((ip) => ip.family === family));
    const value = layouts.pod.encode({ ...(v4 && { v4 }), ...(v6 && { v6 }), ifindex });
    this.#map('pods').update(cookieKey(netnsCookie), value);
    for (const ip of ips) this.#map('pod_addresses').update(addressKey(ip), cookieKey(netnsCookie));
  }

  /**
   * What the attachment that is in force has and `next` has not. Another attachment of the pod may have its namespace's
   * entry by now, and another pod its address: those stay.
   */
  forget(ifindex: number, next?: PodAttachment): void {
    const found = this.#map('endpoints').lookup(indexKey(ifindex));
    if (found === undefined) return;
    const { netnsCookie, addrs, count } = layouts.endpoint.decode(found);
    const keys = addrs.slice(0, count).map(addressKey);
    this.#forgetLinks(ifindex, keys, next);
    if (netnsCookie === 0n) return;
    const same = netnsCookie === next?.netnsCookie;
    const kept = new Set(same ? next.ips.map((ip) => hex(addressKey(ip))) : []);
    const cookie = cookieKey(netnsCookie);
    for (const address of keys) {
      const owner = this.#map('pod_addresses').lookup(address);
      if (owner && hex(owner) === hex(cookie) && !kept.has(hex(address)))
        this.#map('pod_addresses').delete(address);
    }
    const pod = this.#map('pods').lookup(cookie);
    if (pod && !same && layouts.pod.decode(pod).ifindex === ifindex) this.#map('pods').delete(cookie);
  }

  retainLinks(ifindexes: ReadonlySet<number>): void {
    const links = this.#map('pod_links');
    for (const [key, value] of [...links.entries()])
      if (!ifindexes.has(layouts.podLink.decode(value).ifindex)) links.delete(key);
  }

  #forgetLinks(ifindex: number, keys: readonly Uint8Array[], next: PodAttachment | undefined): void {
    const links = this.#map('pod_links');
    const kept = new Set(next?.link && next.ips.map((ip) => hex(addressKey(ip))));
    for (const key of keys) {
      const way = kept.has(hex(key)) ? undefined : links.lookup(key);
      if (way && layouts.podLink.decode(way).ifindex === ifindex) links.delete(key);
    }
  }
}

function addressKey(ip: Ip): Uint8Array {
  return layouts.podAddress.encode({ addr: ip });
}

function cookieKey(cookie: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(cookie).buffer);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
