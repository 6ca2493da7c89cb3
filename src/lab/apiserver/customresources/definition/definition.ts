/** What a CustomResourceDefinition is, as far as this server reads it. */
import type { KubeObject } from '../../../../kube/meta.ts';
import { isJsonObject } from '../../json.ts';
import type { JsonSchema } from '../schema/json-schema.ts';

export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

export interface Subresources {
  status?: object;
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
}

export interface DefinitionVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JsonSchema };
  subresources?: Subresources;
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
}

export interface Names {
  plural: string;
  singular: string;
  kind: string;
  listKind: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
}

export interface DefinitionSpec {
  group: string;
  scope: string;
  names: Names;
  versions: DefinitionVersion[];
  conversion?: { strategy: string; webhook?: Record<string, unknown> };
  preserveUnknownFields?: boolean;
}

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export interface DefinitionStatus {
  conditions: Condition[];
  acceptedNames: Partial<Names>;
  storedVersions: string[];
}

export type CustomResourceDefinition = KubeObject & { spec: DefinitionSpec; status?: DefinitionStatus };

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const definitionsCollection = 'apiextensions.k8s.io/customresourcedefinitions';

export function isTrue(definition: CustomResourceDefinition, type: string): boolean {
  return definition.status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;
}

/** Every part of a schema, itself first, by its path. */
export function* partsOf(schema: unknown, path: string): Generator<[string, JsonSchema]> {
  if (!isJsonObject(schema)) return;
  yield [path, schema as JsonSchema];
  for (const key of ['items', 'additionalProperties', 'not']) yield* partsOf(schema[key], `${path}.${key}`);
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    yield* partsOf(property, `${path}.properties[${key}]`);
  for (const junctor of ['allOf', 'anyOf', 'oneOf'])
    for (const [i, part] of (schema[junctor] ?? []).entries())
      yield* partsOf(part, `${path}.${junctor}[${i}]`);
}
