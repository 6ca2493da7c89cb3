/** Pods as the API has them: by a watch that begins with the first policy, and those that were told of ahead of it. */
import type { Change, Store } from '../../kube/client/store.ts';
import { keyOf } from '../../kube/meta.ts';
import type { Pod } from '../../kube/types.ts';
import { isLaterVersion } from './age.ts';
import type { PodIndex } from './pod-index.ts';

export interface PodSourceOptions {
  index: PodIndex;
  pods: () => Store<Pod>;
  onChange: () => void;
}

/** Far more than are being attached at once: of some nothing is heard again. */
const knownLimit = 1000;

export class PodSource {
  readonly #options: PodSourceOptions;
  readonly #known = new Map<string, { pod: Pod; wasLocal: boolean }>();
  #store: Store<Pod> | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: PodSourceOptions) {
    this.#options = options;
  }

  /** Nothing that was asked for is awaited. */
  get hasSynced(): boolean {
    return this.#store?.hasSynced ?? true;
  }

  open(): void {
    if (this.#store) return;
    const { index, pods, onChange } = this.#options;
    const store = pods();
    this.#store = store;
    for (const pod of store.list()) index.set(pod);
    this.#unsubscribe = store.onChange((change) => this.#changed(change));
    if (!store.hasSynced) void store.synced().then(onChange);
  }

  close(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  get(key: string): Pod | undefined {
    return this.#known.get(key)?.pod ?? this.#store?.get(key);
  }

  know(pod: Pod): void {
    const key = keyOf(pod);
    const before = this.get(key);
    if (before && !isLaterVersion(pod, before)) return;
    this.#known.set(key, { pod, wasLocal: false });
    for (const oldest of this.#known.keys()) if (this.#known.size > knownLimit) this.#forget(oldest);
    if (this.#take(key)) this.#options.onChange();
  }

  /** Those that were attached and are no more. */
  forgetAllBut(names: ReadonlySet<string>): void {
    for (const [key, known] of this.#known) {
      if (names.has(key)) known.wasLocal = true;
      else if (known.wasLocal) this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#known.delete(key);
    this.#take(key);
  }

  #changed({ old, new: now }: Change<Pod>): void {
    const key = keyOf((now ?? old)!);
    const known = this.#known.get(key)?.pod;
    const outdated = now ? !isLaterVersion(known ?? now, now) : known?.metadata.uid === old?.metadata.uid;
    if (known && outdated) this.#known.delete(key);
    if (this.#take(key)) this.#options.onChange();
  }

  /** Whether that makes a difference. */
  #take(key: string): boolean {
    const { index } = this.#options;
    const pod = this.get(key);
    return pod ? index.set(pod) : index.delete(key);
  }
}
