/** How large the values of a schema can be (apiserver, cel/common/schemas.go): by its limits, else by what a request can hold. */
import { type JsonSchema, valuesOf } from '../../schema/json-schema.ts';
import { escapeName } from '../types.ts';

const maxRequestBytes = 3 * 1024 * 1024;

export interface SizedType {
  /** Elements of a list or map, bytes of a text; 0 of anything else. */
  max: number;
  /** Bytes of the smallest one in JSON. */
  minBytes: number;
  /** Of a list, or the values of a map. */
  items?: SizedType;
  /** Of a map. */
  keys?: SizedType;
  /** By the names that rules have for them. */
  fields?: ReadonlyMap<string, SizedType>;
}

const key: SizedType = { max: 0, minBytes: 2 };
const plainText: JsonSchema = { type: 'string' };
const metadata: JsonSchema = {
  type: 'object',
  properties: { name: plainText, generateName: plainText },
};
const resourceProperties = { apiVersion: plainText, kind: plainText, metadata };

const scalars: Record<string, SizedType> = {
  boolean: { max: 0, minBytes: 4 },
  integer: { max: 0, minBytes: 1 },
  number: { max: 0, minBytes: 1 },
};

/** Of the longest that a format has. */
const formats: Record<string, SizedType> = {
  duration: { max: 32, minBytes: 3 },
  date: { max: 12, minBytes: 12 },
  'date-time': { max: 32, minBytes: 21 },
};

const atLeastNone = (limit: number) => Math.max(0, limit);

function sizedText({ format = '', maxLength, enum: values = [] }: JsonSchema): SizedType {
  const known = formats[format];
  if (known !== undefined) return known;
  const minBytes = 2;
  // A character has up to four bytes; base64's have one.
  if (maxLength !== undefined) return { max: atLeastNone(maxLength) * (format === 'byte' ? 1 : 4), minBytes };
  if (values.length === 0 || format === 'byte') return { max: maxRequestBytes - 2, minBytes };
  const lengths = values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0));
  return { max: Math.max(...lengths), minBytes };
}

const part = (schema: JsonSchema) => sizedType(schema, schema['x-kubernetes-embedded-resource'] === true);

function sizedList({ items, maxItems }: JsonSchema): SizedType | undefined {
  const of = items && part(items);
  if (of === undefined) return undefined;
  const max = atLeastNone(maxItems ?? Math.floor((maxRequestBytes - 2) / (of.minBytes + 1)));
  return { max, minBytes: 2, items: of };
}

function sizedMap(values: JsonSchema, maxProperties: number | undefined): SizedType | undefined {
  const items = part(values);
  if (items === undefined) return undefined;
  // Quotes, colon, comma and two bytes of a key.
  const max = atLeastNone(maxProperties ?? Math.floor((maxRequestBytes - 2) / (items.minBytes + 6)));
  return { max, minBytes: 2, items, keys: key };
}

function sizedObject(schema: JsonSchema, isResource: boolean): SizedType | undefined {
  const values = valuesOf(schema);
  if (values !== undefined) return sizedMap(values, schema.maxProperties);
  const properties = isResource ? { ...schema.properties, ...resourceProperties } : schema.properties;
  const fields = new Map<string, SizedType>();
  let minBytes = 2;
  for (const [name, property] of Object.entries(properties ?? {})) {
    const type = part(property);
    if (type === undefined) continue;
    const escaped = escapeName(name);
    if (escaped !== undefined) fields.set(escaped, type);
    if (schema.required?.includes(name) && property.default === undefined)
      minBytes += name.length + type.minBytes + 4;
  }
  return { max: 0, minBytes, fields };
}

/** Undefined for what rules cannot see. */
export function sizedType(schema: JsonSchema, isResource: boolean): SizedType | undefined {
  const { type = '', maxLength } = schema;
  if (schema['x-kubernetes-int-or-string'])
    return { max: maxLength === undefined ? maxRequestBytes - 2 : atLeastNone(maxLength) * 4, minBytes: 1 };
  switch (type) {
    case 'array':
      return sizedList(schema);
    case 'object':
      return sizedObject(schema, isResource);
    case 'string':
      return sizedText(schema);
    default:
      return scalars[type];
  }
}

/** How many of a kind one request can hold, where no list or map around says how many it holds. */
export const maxCardinality = ({ minBytes }: SizedType) => Math.floor(maxRequestBytes / (minBytes + 1));
