/** What the lab's server says on its sockets: progress while it comes up, and answers on `control.sock`. */
import type { ErrorCode } from '../../util/errors.ts';

/** One JSON object a line, to the `up` command that started the server. */
export type ProgressEvent =
  | { type: 'step'; text: string }
  /** The API server answers: manifests can be applied. */
  | { type: 'api' }
  /** Every part of the lab runs. */
  | { type: 'up'; timings: Timing[] }
  | { type: 'failed'; code: ErrorCode; message: string; remedy?: string };

export interface Timing {
  what: string;
  /** Since the server's start. */
  atMs: number;
  tookMs: number;
}

/** GET /status */
export interface LabStatus {
  nodes: NodeStatus[];
  standIns: StandIn[];
  /** Limits that manifests set and that this machine has no means for, one sentence each. */
  notEnforced: string[];
  /** What is wrong, one sentence each; empty when all is well. */
  problems: string[];
  /** Absent: the lab's API server and controllers are its own. */
  external?: ExternalStatus;
}

/** An API server that was there already. */
export interface ExternalStatus {
  server: string;
  version: string;
  /** By which it reaches Services and pods; absent: it does not. */
  egressSocket?: string;
  /** Who runs which: the lab, or whoever runs them in the cluster. */
  controllers: { what: string; whose: 'lab' | 'cluster' }[];
}

export interface NodeStatus {
  name: string;
  ips: string[];
  ready: boolean;
  pods: number;
  agent: {
    alive: boolean;
    restarts: number;
    /** A complete state of Services is in the kernel. */
    programmed: boolean;
    /** It is the API's newest. */
    upToDate: boolean;
    services?: number;
    /** Why the kernel leaves questions to cluster DNS to the servers; undefined where it answers. */
    dnsByServers?: string;
    /** Questions of its pods to cluster DNS since its maps were made, by who answered. */
    dnsQuestions?: { byKernel: number; byServers: number };
    error?: string;
    /** What keeps NetworkPolicies from being in force. */
    policyProblem?: string;
  };
}

/** An image that does not run here, and what stands in for it. */
export interface StandIn {
  image: string;
  reason: string;
  /** namespace/pod/container */
  containers: string[];
}
