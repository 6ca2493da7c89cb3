/** The three messages of custom resources' schemas that stand in JSON for one of what they may hold. */
import { isJsonObject, type JsonObject } from '../json.ts';

interface Form {
  /** JSON, from the message's fields. */
  fromFields(fields: JsonObject): unknown;
  toFields(value: unknown): JsonObject;
}

const prefix = 'apiextensions/v1.JSONSchemaPropsOr';

/** As their MarshalJSON and UnmarshalJSON do (k8s.io/apiextensions-apiserver, marshal.go). */
export const schemaForms: Record<string, Form | undefined> = {
  [`${prefix}Array`]: {
    fromFields: ({ schema, jSONSchemas }) => jSONSchemas ?? schema ?? null,
    toFields: (value) => (Array.isArray(value) ? { jSONSchemas: value } : { schema: value }),
  },
  [`${prefix}Bool`]: {
    fromFields: ({ schema, allows }) => schema ?? allows ?? false,
    toFields: (value) => (isJsonObject(value) ? { allows: true, schema: value } : { allows: value === true }),
  },
  [`${prefix}StringArray`]: {
    fromFields: ({ schema, property }) => property ?? schema ?? null,
    toFields: (value) => (Array.isArray(value) ? { property: value } : { schema: value }),
  },
};
