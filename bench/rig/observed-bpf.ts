/** The kernel's BPF for a node's namespace, which tells of each batch of entries that is written to a map. */
import { bpfIn } from '../../bpf/tests/cluster.ts';
import type { Bpf, BpfMap, BpfObject } from '../../src/linux/bpf/bpf.ts';
import type { NetnsHandle } from '../../src/linux/netns/netns.ts';

export interface MapWriteEvent {
  map: string;
  entries: number;
  /** performance.now() once the kernel has them. */
  at: number;
}

export interface ObservedBpf {
  bpf: Bpf;
  /** Of any object that was loaded. @throws Error before the first is */
  map(name: string): BpfMap;
}

export function observedBpf(
  netns: NetnsHandle,
  onWrite: (event: MapWriteEvent) => void = () => {},
): ObservedBpf {
  const inner = bpfIn(netns);
  let last: BpfObject | undefined;
  const load: Bpf['load'] = (options) => {
    const object = inner.load(options);
    const map = object.map.bind(object);
    last = object;
    object.map = (name) => observed(map(name), onWrite);
    return object;
  };
  return {
    bpf: { ...inner, load },
    map(name) {
      if (last === undefined) throw new Error('no object is loaded');
      return last.map(name);
    },
  };
}

function observed(map: BpfMap, onWrite: (event: MapWriteEvent) => void): BpfMap {
  const tell = (entries: number) => onWrite({ map: map.name, entries, at: performance.now() });
  return new Proxy(map, {
    get(target, property) {
      const value = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target);
      if (property !== 'updateBatch' && property !== 'deleteBatch') return method;
      return (...args: unknown[]) => {
        const result = method(...args);
        tell(args.at(-1) as number);
        return result;
      };
    },
  });
}
