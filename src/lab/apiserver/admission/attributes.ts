/** What admission is asked about (apiserver, admission/attributes.go). */
import type { UserInfo } from '../api-request.ts';
import type { JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

/** A request, apart from the states of its object. */
export interface AdmissionRequest {
  operation: Operation;
  /** As it is asked for. */
  resource: Resource;
  subresource?: string | undefined;
  /** Of the object where that is not the resource's own: a Scale, an Eviction. */
  kind?: GroupVersionKind | undefined;
  /** For a namespace its own name; '' where there is none. */
  namespace: string;
  /** '' where the server is to make one, and for what deletes a collection. */
  name: string;
  /** CreateOptions and so on; null where there are none. */
  options: JsonObject | null;
  dryRun: boolean;
  user: UserInfo;
  /** Ends with the request. */
  signal?: AbortSignal | undefined;
}

/** The object as it is to be, and as it was. */
export interface ObjectStates {
  object: JsonObject | null;
  oldObject: JsonObject | null;
}

export type Attributes = AdmissionRequest & ObjectStates;

export const kindOf = ({ resource, kind }: AdmissionRequest): GroupVersionKind =>
  kind ?? { group: resource.group, version: resource.version, kind: resource.kind };

/** Kinds of admission itself, about which it is never asked: nobody could take a bad one away. */
export const isExempt = ({ group, plural }: Resource): boolean =>
  group === 'admissionregistration.k8s.io' &&
  /^((mutating|validating)webhookconfigurations|(mutating|validating)admissionpolic(ies|ybindings))$/.test(
    plural,
  );
