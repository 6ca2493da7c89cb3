/** The map of all nodes' addresses: whose NodePorts may be named to a backend's node (bpf/lib/dsr.h). */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { type Ip, mappedBytes } from '../../../net/ip.ts';
import { packed, unpacked } from './ledger.ts';

export class ClusterNodes {
  #synced: readonly Ip[] | undefined;

  /** Unknown ones leave what an earlier process wrote. */
  sync(map: BpfMap, ips: readonly Ip[] | undefined): void {
    if (ips === undefined || ips === this.#synced) return;
    const wanted = new Set(ips.map((ip) => packed(mappedBytes(ip))));
    const present = new Set([...map.entries()].map(([key]) => packed(key)));
    const added = [...wanted].filter((key) => !present.has(key));
    const gone = [...present].filter((key) => !wanted.has(key));
    if (added.length > 0)
      map.updateBatch(unpacked(added.join('')), new Uint8Array(4 * added.length), added.length);
    if (gone.length > 0) map.deleteBatch(unpacked(gone.join('')), gone.length);
    this.#synced = ips;
  }
}
