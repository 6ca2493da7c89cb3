/** What puts policies into force on a node. */
import type { Ip } from '../net/ip.ts';
import type { Direction, PolicyState } from './policy-state.ts';

export interface PolicyEngineStatus {
  /** Addresses of pods of this node that are judged. */
  pods: number;
  rules: number;
  peers: number;
  blocks: number;
  /** Connections of judged pods. */
  flows: number;
  /** What found no room: its packets are dropped. */
  problem?: string;
}

/** A TCP connection that a pod has already: it called (`egress`) or was called. */
export interface PodConnection {
  direction: Direction;
  client: { ip: Ip; port: number };
  server: { ip: Ip; port: number };
}

export interface PolicyEngine {
  /**
   * What an earlier process left in force: `unknown` where that was never whole, else whether any policy was in the
   * cluster then.
   */
  known(): 'unknown' | 'none' | 'some';
  /** What is new first, then what is judged by it, then what is stale goes. @param any whether the cluster has policies */
  sync(state: PolicyState, any: boolean): Promise<void>;
  /** Whether the address is a judged pod's. */
  judges(ip: Ip): boolean;
  /**
   * Connections of a pod that is about to be judged: each is judged by the state to come, with its next packet, whichever
   * side sends that.
   */
  remember(connections: readonly PodConnection[]): void;
  /** From now on until the next sync nothing passes from or to the pod. @throws TendrilError MAP_FULL */
  close(ips: readonly Ip[]): void;
  /** Forgets connections that are over. `crowded`: to be asked for again soon. */
  collect(): Promise<{ crowded: boolean }>;
  status(): PolicyEngineStatus;
}
