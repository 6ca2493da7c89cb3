/**
 * The lab's stand-in for kube-apiserver: Kubernetes' API in memory, small, with the semantics of the real one
 * for what it has.
 *
 *     https ──► handle(request) ──► rest/ (verbs) ──► registry/ (what each resource is) ──► storage/
 *     in-process client ──┘                                                    ▲
 *                                              bootstrap, gc/ (namespaces, owners) ┘
 */
import type { KubeClient } from '../../kube/client/client.ts';
import type { PortRange } from '../../net/ports.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import type { ApiHandler } from './api-request.ts';
import type { Listener, ListenOptions } from './http/https-server.ts';
import type { PodLogs } from './rest/pod-logs.ts';

export interface ApiServerOptions {
  /** One or two, of different families, primary first. */
  serviceCidrs: string[];
  nodePortRange: PortRange;
  /** Where the `kubernetes` Service leads; without it the Service has no endpoints. */
  advertise?: { ips: string[]; port: number };
  /** PEM; what pods get as `kube-root-ca.crt`. */
  caCertificate?: string;
  podLogs?: PodLogs;
  clock?: Clock;
  logger?: Logger;
}

export interface ApiServer {
  /** Answers one request; never throws: errors are Status answers. */
  handle: ApiHandler;
  /** The API for parts of the same process. */
  client(): KubeClient;
  /** Serves TLS; may be called more than once (the fabric's addresses, 127.0.0.1). */
  listen(options: ListenOptions): Promise<Listener>;
  /** Supplies `kubectl logs`, for kubelets that start after the server. */
  setPodLogs(podLogs: PodLogs): void;
  /** Ends watches, listeners and background work. */
  stop(): Promise<void>;
}

export declare function createApiServer(options: ApiServerOptions): ApiServer;
