/** What a resource is to the API server: data and a strategy. The table of all of them is registry.ts. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { JsonObject } from '../json.ts';
import type { Definitions } from '../schema/definitions.ts';
import type { Decode } from '../schema/field-check.ts';
import type { ErrorSubject } from '../status.ts';
import type { Column } from '../table/column.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { NameRule } from '../validation/names.ts';

/** What admission may look at and ask for, beyond the object itself. */
export interface AdmissionContext {
  get(collection: string, key: string): KubeObject | undefined;
  list(collection: string, namespace?: string): KubeObject[];
  /** Kubernetes' own resources of a group. */
  builtIn(group: string): Resource[];
  /** All that are served. */
  resources(): readonly Resource[];
  /** RFC 3339. */
  now(): string;
  /** Gives a Service its cluster IPs and node ports; errors where a requested one cannot be had. */
  allocateService(next: JsonObject, old: JsonObject | undefined): FieldError[];
}

/**
 * What makes a kind special. Objects given to the hooks are private drafts that may be written to; `old` is
 * the stored object and must not be. All are optional: a kind without any is stored as it comes.
 */
export interface Strategy {
  /** Loads what the other hooks need, before a request is answered. */
  load?(): Promise<void>;
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
  /** For writes to the status subresource: fills in what is left out, and checks. */
  prepareForStatus?(next: JsonObject): void;
  validateStatus?(next: JsonObject, old: JsonObject): FieldError[];
  /** By the name of the subresource. */
  parts?: Readonly<Record<string, PartStrategy>>;
  /** What is accepted and yet worth a word to whoever wrote it; kubectl prints it. */
  warnings?(object: JsonObject): string[];
  /** Finalizers that an object gets when its deletion begins. */
  deletionFinalizers?: readonly string[];
  /** Says in a private copy that its deletion has begun. `now` in RFC 3339. */
  markDeleted?(object: JsonObject, now: string): void;
  /** Seconds until a graceful deletion may complete; 0 deletes at once. Absent: always at once. */
  gracePeriod?(object: JsonObject, asked: number | undefined): number;
}

/** A subresource by which a part of an object is written that an update of it leaves alone. */
export interface PartStrategy {
  /** A private draft: the stored object with the part of the wish. */
  merge(wish: JsonObject, old: JsonObject): JsonObject;
  validateUpdate(next: JsonObject, old: JsonObject): FieldError[];
}

/** Where the scale subresource's fields are: paths such as `spec.replicas`. */
export interface ScalePaths {
  replicas: string;
  statusReplicas: string;
  /** Of a LabelSelector object, or of its text. */
  selector?: string;
}

export interface Resource extends ErrorSubject {
  version: string;
  singular: string;
  listKind: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  /** Name of its definition in the OpenAPI document. */
  definition: string;
  /** The OpenAPI definitions that hold it and what it refers to. */
  definitions(): Promise<Definitions>;
  /** The same at once, to tell fields by whose managers are kept; undefined where they are not. */
  managedSchemas(): Definitions | undefined;
  /** How a body is read: types checked, unknown fields found. */
  decoder(): Promise<Decode>;
  /** Name of its collection in the storage. */
  collection: string;
  /** Whether the collection's objects are stored under this face. */
  stored: boolean;
  /** False for a face under which objects are only stored. */
  served: boolean;
  hasStatus: boolean;
  /** metadata.generation is kept: it counts changes of what is desired. */
  countsGenerations: boolean;
  /** Whether an update must say which state it was made from. */
  updatesNeedVersion: boolean;
  /** Strategic merge needs to know the kind's Go types. */
  mergesStrategically: boolean;
  scale?: ScalePaths;
  strategy: Strategy;
  /** Beyond metadata.name and metadata.namespace. */
  fieldSelectors: readonly string[];
  columns: readonly Column[];
  /** A warning for whoever creates one, where nothing acts on the kind. */
  keptOnly?: string;
  /** A warning for whoever uses it, of a version that is to go. */
  deprecation?: string;
  /** Ends the watches of a resource that is defined anew or goes. */
  retired?: AbortSignal;
  /** Where objects are stored in another form: how they look from here, and how they are stored. */
  conversion?: Conversion;
}

export interface Conversion {
  toStored(object: JsonObject): JsonObject;
  fromStored(object: JsonObject): JsonObject;
  /** Where versions differ by more than their name: what comes before and after the two. */
  webhook?: ConversionWebhook | undefined;
}

export interface ConversionWebhook {
  /** New objects, in the same order. Throws ApiError. */
  convert(objects: readonly KubeObject[], apiVersion: string): Promise<JsonObject[]>;
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
