/** The variables `request` and `namespaceObject` of admission's expressions (apiserver, admission/plugin/cel/compile.go). */
import type { JsonSchema } from '../../customresources/schema/json-schema.ts';

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const time: JsonSchema = { type: 'string', format: 'date-time' };
const texts: JsonSchema = { type: 'array', items: text };
const textMap: JsonSchema = { type: 'object', additionalProperties: text };
const anything: JsonSchema = { 'x-kubernetes-int-or-string': true };

const object = (properties: Record<string, JsonSchema>): JsonSchema => ({ type: 'object', properties });

const kind = object({ group: text, version: text, kind: text });
const resource = object({ group: text, version: text, resource: text });

export const requestSchema: JsonSchema = object({
  kind,
  resource,
  subResource: text,
  requestKind: kind,
  requestResource: resource,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: object({
    username: text,
    uid: text,
    groups: texts,
    extra: { type: 'object', additionalProperties: texts },
  }),
  dryRun: { type: 'boolean' },
  options: anything,
});

export const namespaceSchema: JsonSchema = object({
  metadata: object({
    name: text,
    generateName: text,
    namespace: text,
    labels: textMap,
    annotations: textMap,
    UID: text,
    creationTimestamp: time,
    deletionGracePeriodSeconds: integer,
    deletionTimestamp: time,
    generation: integer,
    resourceVersion: text,
    finalizers: texts,
  }),
  spec: object({ finalizers: texts }),
  status: object({
    phase: text,
    conditions: {
      type: 'array',
      items: object({ type: text, status: text, lastTransitionTime: time, message: text, reason: text }),
    },
  }),
});
