/** From the API's objects to what they mean for this node. The contract; `createPolicyCalculator` makes one. */
import type { Store } from '../kube/client/store.ts';
import type { Namespace, NetworkPolicy, Pod } from '../kube/types.ts';
import type { Ip } from '../net/ip.ts';
import { Calculator } from './model/calculator.ts';
import type { PolicyState } from './policy-state.ts';

/** A pod that this node's network has attached, as the network knows it: before the API has its addresses. */
export interface LocalPod {
  namespace: string;
  name: string;
  /** Absent where the runtime did not tell. */
  uid?: string | undefined;
  ips: readonly Ip[];
}

export interface PolicyCalculatorOptions {
  policies: Store<NetworkPolicy>;
  namespaces: Store<Namespace>;
  /** All pods of the cluster; asked for with the first policy. */
  pods: () => Store<Pod>;
  localPods: () => Iterable<LocalPod>;
  /** Something changed that `state` may tell of. */
  onChange: () => void;
}

export interface PolicyCalculator {
  /** Once everything that was asked of the API so far is known; before that nothing may be concluded from a lack. */
  readonly hasSynced: boolean;
  /** What of policies is too much for a node, as of the last `state`: it allows nothing. */
  readonly problem: string | undefined;
  /** As of now, whole. What no policy needs is not in it: without any policy it is empty. */
  state(): PolicyState;
  /**
   * Works off what has changed, so that `state` then has little left to do: a policy that names all pods of a large
   * cluster is much work. `breathe` is awaited between short steps.
   */
  settle(breathe: () => Promise<void> | undefined): Promise<void>;
  /**
   * A pod as the API has it, ahead of the watch: counts until the store knows the pod, or a newer one of its name.
   * For CNI ADD, whose pod's policy must be in force before its first packet.
   */
  know(pod: Pod): void;
  /** Whether any policy is in the namespace; undefined while policies are not known. */
  hasPolicies(namespace: string): boolean | undefined;
  close(): void;
}

export function createPolicyCalculator(options: PolicyCalculatorOptions): PolicyCalculator {
  return new Calculator(options);
}
