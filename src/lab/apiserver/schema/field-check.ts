/**
 * Checks an object against its schema as Go's decoder does: a value of the wrong type is an error; a field that
 * the schema does not know is dropped and reported; null is as good as absent.
 */
import { isJsonObject, type JsonObject } from '../json.ts';
import { type Definitions, definitionName, loadDefinitions, type Schema } from './definitions.ts';

/** Reads the body of a kind. */
export type Decode = (body: JsonObject) => FieldCheck;

export interface FieldCheck {
  /** A copy without unknown fields and nulls. */
  object: JsonObject;
  /** Paths of unknown fields: `spec.template.spec.containers[0].imagee`. */
  unknown: string[];
  /** In the words of Go's decoder; the first one only is what Kubernetes reports. */
  typeErrors: string[];
}

/** Definitions whose values are free, or that are written in more than one way. */
const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

const schemaProps = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

const goTypes: Record<string, string> = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
};

/** Where text stops being base64 (RFC 4648, padded; line breaks do not count), as Go tells it. */
function illegalBase64(text: string): number | undefined {
  const packed = text.replace(/[\r\n]/g, '');
  const [good] = /^[A-Za-z0-9+/]*/.exec(packed)!;
  const padding = packed.slice(good.length);
  const right = padding === '' ? 0 : 4 - (good.length % 4);
  if (packed.length % 4 === 0 && /^=*$/.test(padding) && padding.length === right) return undefined;
  return good.length;
}

class Checker {
  readonly unknown: string[] = [];
  readonly typeErrors: string[] = [];
  readonly #definitions: Definitions;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /** `struct` is the name of the Go type that the field is in. */
  check(value: unknown, schema: Schema, path: string, struct: string): unknown {
    const name = definitionName(schema);
    const resolved = this.#definitions.resolve(schema);
    if (name === quantity) return this.#quantity(value, path, struct);
    if (name.startsWith(schemaProps)) return this.#schemaProps(value, name, path, resolved, struct);
    if (resolved.format === 'int-or-string') return this.#intOrString(value, path, struct);
    switch (resolved.type) {
      case 'object':
        return this.#object(value, resolved, path, name === '' ? struct : name.split('.').pop()!, struct);
      case 'array':
        return this.#array(value, resolved, path, struct);
      case undefined:
        return value;
      default:
        return this.#scalar(value, resolved, path, struct);
    }
  }

  #wrong(value: unknown, path: string, struct: string, goType: string): undefined {
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    const field = path === '' ? '' : `Go struct field ${struct}.${path.replace(/\[\d+\]/g, '')}`;
    const into = field === '' ? 'Go value' : field;
    const shown = kind === 'number' && goType.startsWith('int') ? `number ${value}` : kind;
    this.typeErrors.push(`json: cannot unmarshal ${shown} into ${into} of type ${goType}`);
    return undefined;
  }

  #quantity(value: unknown, path: string, struct: string): unknown {
    if (typeof value === 'number') return String(value);
    if (typeof value !== 'string') return this.#wrong(value, path, struct, 'resource.Quantity');
    if (/^[+-]?(\d+|\d+\.\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/.test(value)) return value;
    this.typeErrors.push(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
    return undefined;
  }

  #intOrString(value: unknown, path: string, struct: string): unknown {
    if (typeof value === 'string' || Number.isInteger(value)) return value;
    return this.#wrong(value, path, struct, 'intstr.IntOrString');
  }

  /** Schemas of custom resources: where one may be, a list of them or a boolean may, which their own definition does not say. */
  #schemaProps(value: unknown, name: string, path: string, resolved: Schema, struct: string): unknown {
    const one = { $ref: `#/definitions/${schemaProps}` };
    switch (name.slice(schemaProps.length)) {
      case 'OrArray':
        return Array.isArray(value)
          ? this.#array(value, { items: one }, path, struct)
          : this.check(value, one, path, struct);
      case 'OrBool':
        return typeof value === 'boolean' ? value : this.check(value, one, path, struct);
      case 'OrStringArray':
        return Array.isArray(value) ? value : this.check(value, one, path, struct);
      default:
        return this.#object(value, resolved, path, 'JSONSchemaProps', struct);
    }
  }

  #object(value: unknown, schema: Schema, path: string, own: string, struct: string): unknown {
    if (!isJsonObject(value))
      return this.#wrong(value, path, struct, schema.properties ? `v1.${own}` : 'map[string]string');
    const { properties, additionalProperties } = schema;
    if (properties === undefined && additionalProperties === undefined) return value;
    const result: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
      const at = path === '' ? key : `${path}.${key}`;
      const inner =
        (properties && Object.hasOwn(properties, key) ? properties[key] : undefined) ?? additionalProperties;
      if (inner === undefined) this.unknown.push(at);
      else if (member === null) {
        // A null in a map is the zero value of its type, not nothing.
        if (properties === undefined && inner.type === 'string') result[key] = '';
      } else {
        const checked = this.check(member, inner, at, own);
        if (checked !== undefined) result[key] = checked;
      }
    }
    return result;
  }

  #array(value: unknown, schema: Schema, path: string, struct: string): unknown {
    if (!Array.isArray(value)) {
      const item = definitionName(schema.items ?? {})
        .split('.')
        .pop();
      return this.#wrong(value, path, struct, `[]${item ? `v1.${item}` : (schema.items?.type ?? 'string')}`);
    }
    const items = schema.items ?? {};
    return value
      .map((item, i) => this.check(item, items, `${path}[${i}]`, struct))
      .filter((x) => x !== undefined);
  }

  #scalar(value: unknown, schema: Schema, path: string, struct: string): unknown {
    const { type, format } = schema;
    if (format === 'date-time') return this.#time(value, path, struct);
    if (format === 'byte' && typeof value === 'string') return this.#bytes(value);
    const right =
      type === 'integer'
        ? Number.isInteger(value)
        : type === 'number'
          ? typeof value === 'number'
          : typeof value === type;
    const inRange = format !== 'int32' || Math.abs(value as number) <= 0x7fffffff;
    if (right && inRange) return value;
    return this.#wrong(value, path, struct, goTypes[format ?? ''] ?? goTypes[type ?? ''] ?? 'int64');
  }

  #bytes(text: string): unknown {
    const wrong = illegalBase64(text);
    if (wrong === undefined) return text;
    this.typeErrors.push(`illegal base64 data at input byte ${wrong}`);
    return undefined;
  }

  #time(value: unknown, path: string, struct: string): unknown {
    if (typeof value !== 'string') return this.#wrong(value, path, struct, 'v1.Time');
    if (!Number.isNaN(Date.parse(value))) return value;
    this.typeErrors.push(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
    );
    return undefined;
  }
}

/** Checks a whole object of the named definition. */
export function checkFields(object: JsonObject, definition: string, definitions: Definitions): FieldCheck {
  const checker = new Checker(definitions);
  const kind = definition.split('.').pop()!;
  const checked = checker.check(object, { $ref: `#/definitions/${definition}` }, '', kind) as JsonObject;
  return { object: checked ?? {}, unknown: checker.unknown, typeErrors: checker.typeErrors };
}

/** Checks a part of an object, which is at a path, against a definition. */
export function checkPart(
  value: unknown,
  { definition, path }: { definition: string; path: string },
  definitions: Definitions,
): FieldCheck {
  const checker = new Checker(definitions);
  const name = definition.split('.').pop()!;
  const object = checker.check(value, { $ref: `#/definitions/${definition}` }, path, name) as JsonObject;
  return { object: object ?? {}, unknown: checker.unknown, typeErrors: checker.typeErrors };
}

/** Reads bodies of a kind that Kubernetes' own OpenAPI document defines. */
export function definitionDecoder(definition: string): () => Promise<Decode> {
  return async () => {
    const definitions = await loadDefinitions();
    return (body) => checkFields(body, definition, definitions);
  };
}
