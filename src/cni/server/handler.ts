/** What the CNI server hands to whoever makes the pod network: calls that are checked, in the latest shape. */
import type { CniResult } from '../spec.ts';

export interface PodRequest {
  containerId: string;
  ifName: string;
  /** Path of the pod's network namespace; absent on DEL when it is gone. */
  netns?: string;
  /** Of CNI_ARGS (K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID), where the runtime gives them. */
  pod?: { namespace: string; name: string; uid: string };
  runtimeConfig: Record<string, unknown>;
}

/**
 * Calls for one container come one at a time; a `gc` comes alone. Every method rejects with a CniError where
 * the number matters to the runtime; any other error becomes a failure of the plugin's own.
 */
export interface CniHandler {
  /** Nothing is left when it rejects. For an attachment that is there and whole: the same result again. */
  add(request: PodRequest): Promise<CniResult>;
  /** Succeeds where nothing is left. */
  del(request: PodRequest): Promise<void>;
  /** `expected`: the result that ADD gave, where the runtime kept it. */
  check(request: PodRequest, expected: CniResult | undefined): Promise<void>;
  /** Removes what belongs to no attachment of the list. */
  gc(valid: readonly { containerId: string; ifName: string }[]): Promise<void>;
  /** Rejects when ADD cannot be served now. */
  status(): Promise<void>;
}
