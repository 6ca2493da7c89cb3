/** What a command works on: a lab, or a cluster by its kubeconfig. Whatever works by the API alone need not ask which. */
import type { Transport } from '../../kube/client/transport.ts';
import type { LabConfig, LabPaths } from '../../lab/topology/lab-config.ts';
import type { Agents } from './agents.ts';
import { type ClusterChoice, isCluster, openClusterSession } from './cluster-session.ts';
import type { Discovery } from './discovery.ts';
import { openLab } from './lab-session.ts';

/** What is enough for objects. */
export interface ApiSession {
  readonly api: Transport;
  /** Asked of the server once. */
  discovery(): Promise<Discovery>;
  /** Where none is named: the kubeconfig's context says, or it is `default`. */
  readonly namespace: string;
}

interface BothSessions extends ApiSession, Disposable {
  readonly agents: Agents;
}

export interface LabSession extends BothSessions {
  readonly kind: 'lab';
  readonly config: LabConfig;
  readonly paths: LabPaths;
}

export interface ClusterSession extends BothSessions {
  readonly kind: 'cluster';
}

export type Session = LabSession | ClusterSession;

export interface SessionChoice extends ClusterChoice {
  /** The lab's name. */
  name: string;
}

/**
 * The cluster where a kubeconfig or a context is named, else the lab.
 * @throws TendrilError LAB_MISSING, or as openClusterSession
 */
export async function openSession({ name, ...choice }: SessionChoice): Promise<Session> {
  return await (isCluster(choice) ? openClusterSession(choice) : openLab(name));
}
