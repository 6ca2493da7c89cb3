/** One object of a manifest, with the place it came from, for messages. */
import type { KubeObject } from '../../kube/meta.ts';

export interface ManifestObject {
  /** What the user wrote: apiVersion, kind and metadata are there, all else is unchecked. */
  object: KubeObject & { apiVersion: string; kind: string; [field: string]: unknown };
  /** `FILE:LINE`, the line being the document's first. */
  origin: string;
}

/** `deployment.apps/frontend`, as kubectl names objects. */
export function objectTitle(kind: string, group: string, name: string): string {
  return `${kind.toLowerCase()}${group ? `.${group}` : ''}/${name}`;
}
