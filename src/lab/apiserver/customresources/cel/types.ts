/**
 * How CEL sees the values of a schema (apiserver, cel/common/schemas.go): objects with typed fields, lists, maps, and what
 * may be anything. A value is converted once, however many rules look at it or at parts of it.
 */
import { Duration, type Environment } from '@marcbachmann/cel-js/evaluator';
import { isJsonObject } from '../../json.ts';
import { type JsonSchema, valuesOf } from '../schema/json-schema.ts';
import { registerEquality } from './library/library.ts';
import { parseDuration, parseTimestamp } from './time.ts';

/** CEL's values by the JSON that they were made of. */
export type Converted = Map<object, unknown>;

export interface DeclaredType {
  /** As an environment knows it. */
  name: string;
  convert(value: unknown, known: Converted): unknown;
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const spelledOut: Record<string, string> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The identifier that stands for a property; undefined for one that rules cannot name. */
export function escapeName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  return name.replaceAll(/__|[-./]/g, (part) => spelledOut[part]!);
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(plain);
  if (!isJsonObject(value)) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

/** What may be an integer, a text or more. */
const anything: DeclaredType = { name: 'dyn', convert: plain };

const scalars: Record<string, DeclaredType> = {
  boolean: { name: 'bool', convert: (value) => value },
  integer: { name: 'int', convert: (value) => (Number.isInteger(value) ? BigInt(value as number) : value) },
  number: { name: 'double', convert: (value) => value },
  string: { name: 'string', convert: (value) => value },
};

const texts: Record<string, DeclaredType> = {
  byte: { name: 'bytes', convert: (value) => Buffer.from(String(value), 'base64') },
  duration: {
    name: 'google.protobuf.Duration',
    convert: (value) => parseDuration(String(value)) ?? new Duration(0n),
  },
  date: { name: 'google.protobuf.Timestamp', convert: (value) => parseTimestamp(`${value}T00:00:00Z`) },
  'date-time': { name: 'google.protobuf.Timestamp', convert: (value) => parseTimestamp(String(value)) },
};

const text: JsonSchema = { type: 'string' };
const metadata: JsonSchema = { type: 'object', properties: { name: text, generateName: text } };

/** Every resource has these, described or not, and no more of metadata is known. */
const resourceProperties = { apiVersion: text, kind: text, metadata };

/** Declares the types of a schema in an environment, under the names of their paths. */
export class TypeDeclarations {
  readonly #environment: Environment;
  readonly #known = new Map<JsonSchema, DeclaredType | undefined>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Undefined for what has no type: rules cannot see it. */
  declare(schema: JsonSchema, path: string, isResource: boolean): DeclaredType | undefined {
    if (this.#known.has(schema)) return this.#known.get(schema);
    const type = this.#make(schema, path, isResource);
    this.#known.set(schema, type);
    return type;
  }

  #make(schema: JsonSchema, path: string, isResource: boolean): DeclaredType | undefined {
    if (schema['x-kubernetes-int-or-string']) return anything;
    switch (schema.type) {
      case 'array':
        return schema.items && this.#list(schema.items, path);
      case 'object':
        return this.#object(schema, path, isResource);
      case 'string':
        return texts[schema.format ?? ''] ?? scalars.string;
      default:
        return scalars[schema.type ?? ''];
    }
  }

  #list(schema: JsonSchema, path: string): DeclaredType | undefined {
    const items = this.#part(schema, `${path}.items`);
    return (
      items && {
        name: `list<${items.name}>`,
        convert: (value, known) =>
          Array.isArray(value)
            ? once(value, known, () => value.map((item) => items.convert(item, known)))
            : value,
      }
    );
  }

  #object(schema: JsonSchema, path: string, isResource: boolean): DeclaredType | undefined {
    const values = valuesOf(schema);
    if (values !== undefined) return this.#map(values, path);
    const properties = isResource
      ? { ...schema.properties, ...resourceProperties }
      : (schema.properties ?? {});
    const fields = new Map<string, { name: string; type: DeclaredType }>();
    for (const [key, property] of Object.entries(properties)) {
      const name = escapeName(key);
      const type = name === undefined ? undefined : this.#part(property, `${path}.${name}`);
      if (type !== undefined) fields.set(key, { name: name!, type });
    }
    return this.#message(path, fields);
  }

  #part(schema: JsonSchema, path: string): DeclaredType | undefined {
    return this.declare(schema, path, schema['x-kubernetes-embedded-resource'] === true);
  }

  #map(schema: JsonSchema, path: string): DeclaredType | undefined {
    const values = this.#part(schema, `${path}.values`);
    return (
      values && {
        name: `map<string, ${values.name}>`,
        convert: (value, known) =>
          isJsonObject(value)
            ? once(
                value,
                known,
                () => new Map(Object.entries(value).map(([k, v]) => [k, values.convert(v, known)])),
              )
            : value,
      }
    );
  }

  #message(name: string, fields: ReadonlyMap<string, { name: string; type: DeclaredType }>): DeclaredType {
    const Message = { [name]: class {} }[name]!;
    const types = [...fields].flatMap(([key, { name: field, type }]) => [
      [field, type.name],
      // Selecting a reserved word is no mistake; only declaring one is.
      ...(reserved.has(key) ? [[key, type.name]] : []),
    ]);
    this.#environment.registerType(name, { ctor: Message, fields: Object.fromEntries(types) });
    registerEquality(this.#environment, name);
    const make = (value: Record<string, unknown>, known: Converted) => {
      const message = new Message() as Record<string, unknown>;
      for (const [key, field] of fields) {
        // What is null is as good as absent.
        if (value[key] === undefined || value[key] === null) continue;
        message[field.name] = field.type.convert(value[key], known);
        if (reserved.has(key)) message[key] = message[field.name];
      }
      return message;
    };
    return {
      name,
      convert: (value, known) => (isJsonObject(value) ? once(value, known, () => make(value, known)) : value),
    };
  }
}

function once(value: object, known: Converted, make: () => unknown): unknown {
  const made = known.get(value) ?? make();
  known.set(value, made);
  return made;
}
