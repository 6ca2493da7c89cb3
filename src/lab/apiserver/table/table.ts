/** Lists and objects as meta.k8s.io/v1 Tables: what `kubectl get` asks for and prints. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { Resource } from '../registry/resource.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  include: IncludeObject;
  /** `v1` or `v1beta1`, as asked for. */
  version: string;
  now: number;
  /** False in a watch after its first event. */
  headers: boolean;
}

export interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: object;
  columnDefinitions: object[] | null;
  rows: { cells: unknown[]; object?: object }[];
}

export function partialObject(object: KubeObject, version: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

function rowObject(object: KubeObject, { include, version }: TableOptions): { object?: object } {
  if (include === 'None') return {};
  return { object: include === 'Object' ? object : partialObject(object, version) };
}

/** `metadata` is that of the list, or of the one object. */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  { metadata, ...options }: TableOptions & { metadata: object },
): Table {
  const definitions = resource.columns.map(({ cell: _, ...definition }) => definition);
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: options.headers ? definitions : null,
    rows: objects.map((object) => ({
      cells: resource.columns.map((c) => c.cell(object, options.now)),
      ...rowObject(object, options),
    })),
  };
}
