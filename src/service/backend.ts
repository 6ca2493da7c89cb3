/**
 * The contract of every implementation of Services in the kernel. A backend is given whole states and finds out
 * by itself what changed; the shared suite is `backend.cases.ts`.
 */
import type { ServiceState } from './model/service-state.ts';

export interface ServiceBackendCapabilities {
  /** Translates at the socket: packets of local clients are never translated. */
  readonly socketLoadBalancing: boolean;
  /** A NodePort on 127.0.0.1 and ::1 of the node works. */
  readonly localhostNodePort: boolean;
  /** Outside clients' addresses are kept where the endpoint runs on the node they reach. */
  readonly keepsClientAddress: boolean;
  readonly sessionAffinity: boolean;
  readonly sctp: boolean;
}

export interface ServiceBackend {
  readonly name: string;
  readonly capabilities: ServiceBackendCapabilities;
  /** @throws TendrilError KERNEL_FEATURE naming what is missing */
  probe(): Promise<void>;
  /**
   * Makes the kernel serve the state; resolves when it does. Works in slices, writes only what differs from what
   * the kernel holds, and never leaves a frontend without backends on the way. An empty state removes all.
   * Calls do not overlap. After a failure the next call starts from what the kernel really holds.
   * @throws TendrilError MAP_FULL, KERNEL_CALL
   */
  sync(state: ServiceState): Promise<void>;
  /** Removes everything of this backend from the node. Idempotent. */
  cleanup(): Promise<void>;
}
