/** Clusters that change at random, the same way at each run of a test. */
import {
  emptyStores,
  externalName,
  headless,
  http,
  namespace,
  service,
  slice,
  type TestStores,
} from './cluster.ts';

/** Stores that have been read, and hold nothing. */
export function emptyCluster(): TestStores {
  const stores = emptyStores();
  for (const store of Object.values(stores)) (store as { replace(objects: never[]): void }).replace([]);
  return stores;
}

/** Numbers that look random and are the same at each run. */
export function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One step of a cluster of three namespaces, with Services of every kind and endpoints that come and go. */
export function change(stores: TestStores, pick: (below: number) => number): void {
  const where = ['a', 'b', 'c'][pick(3)]!;
  const key = `${where}/s${pick(5)}`;
  const part = 'xyz'[pick(3)]!;
  const endpoint = () => ({
    addresses: [pick(2) === 0 ? `10.244.0.${pick(9)}` : `fd00:244::${1 + pick(9)}`],
    ...(pick(3) === 0 && { hostname: `h${pick(3)}` }),
    conditions: { ready: pick(4) !== 0 },
  });
  const changes: (() => void)[] = [
    () => (pick(3) === 0 ? stores.namespaces.delete(where) : stores.namespaces.set(namespace(where))),
    () => stores.services.delete(key),
    () =>
      stores.services.set(
        service(key, { clusterIPs: [`10.96.0.${pick(9)}`, `fd00:96::${1 + pick(9)}`], ports: [http] }),
      ),
    () => stores.services.set(headless(key, { ports: pick(2) === 0 ? [http] : [] })),
    () => stores.services.set(externalName(key, 'www.example.com')),
    () => stores.slices.delete(`${key}-${part}`),
  ];
  const fill = () =>
    stores.slices.set(slice(key, { endpoints: Array.from({ length: pick(5) }, endpoint) }, part));
  (changes[pick(9)] ?? fill)();
}
