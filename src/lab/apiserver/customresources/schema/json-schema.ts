/** The schema of a custom resource: apiextensions.k8s.io/v1 JSONSchemaProps, as its definition holds it. */

export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

export interface JsonSchema {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
  nullable?: boolean;
  enum?: readonly unknown[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Readonly<Record<string, JsonSchema>>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  allOf?: readonly JsonSchema[];
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  not?: JsonSchema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** The schema of a map's values; undefined where there is none, or any value is allowed. */
export function valuesOf(schema: JsonSchema | undefined): JsonSchema | undefined {
  const values = schema?.additionalProperties;
  return typeof values === 'object' ? values : undefined;
}

/** The schema of an object's member; undefined for one that is not described. */
export function memberOf(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  const { properties } = schema ?? {};
  return properties && Object.hasOwn(properties, key) ? properties[key] : valuesOf(schema);
}

/** As a resource's root is: an embedded resource, whose apiVersion, kind and metadata are Kubernetes' own. */
export function asResource(schema: JsonSchema): JsonSchema {
  if (schema['x-kubernetes-embedded-resource']) return schema;
  return { ...schema, 'x-kubernetes-embedded-resource': true };
}

export const isMetaField = (key: string): boolean =>
  key === 'apiVersion' || key === 'kind' || key === 'metadata';

/** Go's field.Path: `spec.rules[0]`, and `labels[app]` for a key of a map. */
export const childPath = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
export const keyPath = (path: string, key: string): string => `${path}[${key}]`;
