/** The nodes with what runs on them, kept up to date as pods and nodes change: a decision costs one look per node. */
import { controllerOf, keyOf } from '../../../kube/meta.ts';
import { type Amounts, amountsOf, podRequests } from '../../../kube/pod-resources.ts';
import type { Node, Pod } from '../../../kube/types.ts';
import { isFinished } from '../pods/pod-state.ts';

export class NodeView {
  readonly name: string;
  readonly pods = new Map<string, Pod>();
  readonly requested = new Map<string, number>();
  /** Pods by the uid of their controller. */
  readonly byOwner = new Map<string, number>();
  /** `TCP/0.0.0.0/80`, as often as taken. */
  readonly hostPorts = new Map<string, number>();
  #node: Node | undefined;
  #allocatable: Amounts | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Undefined while pods name a node that is not there (or no longer). */
  get node(): Node | undefined {
    return this.#node;
  }

  set node(node: Node | undefined) {
    this.#node = node;
    const quantities = node?.status?.allocatable ?? node?.status?.capacity;
    this.#allocatable =
      quantities === undefined ? undefined : amountsOf(quantities as Record<string, string>);
  }

  /** Undefined for a node that does not say: then nothing is checked. */
  get allocatable(): Amounts | undefined {
    return this.#allocatable;
  }

  put(pod: Pod): void {
    this.remove(keyOf(pod));
    this.pods.set(keyOf(pod), pod);
    this.#count(pod, 1);
  }

  remove(key: string): void {
    const pod = this.pods.get(key);
    if (pod === undefined) return;
    this.pods.delete(key);
    this.#count(pod, -1);
  }

  #count(pod: Pod, by: 1 | -1): void {
    for (const [resource, amount] of podRequests(pod.spec!)) add(this.requested, resource, by * amount);
    const owner = controllerOf(pod);
    if (owner !== undefined) add(this.byOwner, owner.uid, by);
    for (const port of hostPortsOf(pod)) add(this.hostPorts, port, by);
  }
}

export class ClusterView {
  readonly nodes = new Map<string, NodeView>();
  /** Pods with required anti-affinity: they have a say in where others go. */
  readonly antiAffine = new Map<string, { pod: Pod; nodeName: string }>();
  readonly #placed = new Map<string, string>();

  setNode(name: string, node: Node | undefined): void {
    const view = this.#view(name);
    view.node = node;
    if (node === undefined && view.pods.size === 0) this.nodes.delete(name);
  }

  /** Takes in a pod that has a node, really or by a decision just made. */
  setPod(pod: Pod, nodeName: string): void {
    const key = keyOf(pod);
    if (isFinished(pod)) {
      this.removePod(key);
      return;
    }
    if (this.#placed.get(key) !== nodeName) this.removePod(key);
    this.#placed.set(key, nodeName);
    this.#view(nodeName).put(pod);
    const required = pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required !== undefined) this.antiAffine.set(key, { pod, nodeName });
  }

  removePod(key: string): void {
    const nodeName = this.#placed.get(key);
    if (nodeName === undefined) return;
    this.#placed.delete(key);
    this.antiAffine.delete(key);
    this.nodes.get(nodeName)?.remove(key);
  }

  isPlaced(key: string): boolean {
    return this.#placed.has(key);
  }

  #view(name: string): NodeView {
    let view = this.nodes.get(name);
    if (view === undefined) {
      view = new NodeView(name);
      this.nodes.set(name, view);
    }
    return view;
  }
}

export function hostPortsOf(pod: Pod): string[] {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => `${port.protocol ?? 'TCP'}/${port.hostIP || '0.0.0.0'}/${port.hostPort}`),
  );
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
