import type { KubeObject } from '../../../kube/meta.ts';

/** What a watch gives: objects are frozen and shared by all watchers. */
export type StreamEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }
  | { type: 'BOOKMARK'; object: { kind: string; apiVersion: string; metadata: { resourceVersion: string } } }
  | { type: 'ERROR'; object: object };
