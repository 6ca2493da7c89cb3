/** What a node's datapath holds, as `tendril service list` and `tendril conntrack list` show it. JSON throughout. */

export interface ServiceView {
  /**
   * `namespace/name:port/PROTOCOL`, of a HostPort the pod's name and its host port; absent where nothing that this process
   * knows owns the frontend.
   */
  service?: string;
  kind: string;
  /** `ip|port` */
  frontend: string;
  protocol: string;
  /** What becomes of new connections: `serving`, `refused`, `dropped`; and of outsiders', where it differs. */
  state: ConnectionFate;
  externalState: ConnectionFate;
  /** For clients in the cluster, and for those outside. */
  backends: BackendView[];
  externalBackends: BackendView[];
  affinitySeconds: number;
  /** Of connections that are translated per packet; those translated at the socket leave no trace in packets. */
  connections: number;
  packets: number;
  bytes: number;
}

export type ConnectionFate = 'serving' | 'refused' | 'dropped';

export interface BackendView {
  /** `ip|port` */
  address: string;
  local: boolean;
  terminating: boolean;
}

export interface ConnectionView {
  protocol: string;
  /** `ip|port` each. */
  client: string;
  frontend: string;
  backend: string;
  /** What the backend sees as the client, where that is not the client itself. */
  seenAs?: string;
  service?: string;
  /** The backend answers the client itself: the node that the client came to does not see its replies. */
  direct?: boolean;
  state: 'new' | 'established' | 'closing' | 'closed' | 'unanswered' | 'answered';
  packets: number;
  bytes: number;
  idleSeconds: number;
}

export interface ServiceInspection {
  services(): Promise<ServiceView[]>;
  /** At most `limit`, in no order. */
  connections(limit: number): Promise<ConnectionView[]>;
}
