/** What a resource is to the API server: data and a strategy. The table of all of them is registry.ts. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { JsonObject } from '../json.ts';
import type { ErrorSubject } from '../status.ts';
import type { Column } from '../table/column.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { NameRule } from '../validation/names.ts';

/** What admission may look at and ask for, beyond the object itself. */
export interface AdmissionContext {
  get(collection: string, key: string): KubeObject | undefined;
  list(collection: string, namespace?: string): KubeObject[];
  /** Gives a Service its cluster IPs and node ports; errors where a requested one cannot be had. */
  allocateService(next: JsonObject, old: JsonObject | undefined): FieldError[];
}

/**
 * What makes a kind special. Objects given to the hooks are private drafts that may be written to; `old` is
 * the stored object and must not be. All are optional: a kind without any is stored as it comes.
 */
export interface Strategy {
  /** Of metadata.name; a DNS subdomain when absent. */
  nameRule?: NameRule;
  /** Fills in what the client left out, the same on every write. */
  setDefaults?(object: JsonObject): void;
  /** Takes out what clients may not set. `status` is removed before, where it is a subresource. */
  prepareForCreate?(object: JsonObject): void;
  prepareForUpdate?(next: JsonObject, old: JsonObject): void;
  /** Admission: may change the object by what else exists, or refuse it. Runs before validation. */
  admit?(next: JsonObject, old: JsonObject | undefined, context: AdmissionContext): FieldError[];
  /** `old` is there for updates: what an object held before, some fields may keep. */
  validate?(object: JsonObject, old?: JsonObject): FieldError[];
  validateUpdate?(next: JsonObject, old: JsonObject): FieldError[];
  /** What is accepted and yet worth a word to whoever wrote it; kubectl prints it. */
  warnings?(object: JsonObject): string[];
  /** Seconds until a graceful deletion may complete; 0 deletes at once. Absent: always at once. */
  gracePeriod?(object: JsonObject, asked: number | undefined): number;
}

/** Where the scale subresource's numbers are. */
export interface ScalePaths {
  /** The selector is a LabelSelector object in spec.selector. */
  replicas: 'spec.replicas';
}

export interface Resource extends ErrorSubject {
  version: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  /** Name of its definition in the OpenAPI document. */
  definition: string;
  /** Name of its collection in the storage. */
  collection: string;
  hasStatus: boolean;
  /** metadata.generation is kept: it counts changes of what is desired. */
  countsGenerations: boolean;
  scale?: ScalePaths;
  strategy: Strategy;
  /** Beyond metadata.name and metadata.namespace. */
  fieldSelectors: readonly string[];
  columns: readonly Column[];
  /** A warning for whoever creates one, where nothing acts on the kind. */
  keptOnly?: string;
  /** For a second face of a collection (events): how its objects look from here, and how they are stored. */
  conversion?: { toStored(object: JsonObject): JsonObject; fromStored(object: JsonObject): JsonObject };
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
