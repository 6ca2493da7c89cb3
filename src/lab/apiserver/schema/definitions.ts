/**
 * The OpenAPI definitions of the served kinds: field types, merge keys, documentation. Unpacked when first
 * asked for (20 ms), so that the server starts without.
 */
import { brotliDecompressSync } from 'node:zlib';

export interface Schema {
  type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  format?: string;
  description?: string;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  $ref?: string;
  default?: unknown;
  enum?: unknown[];
  nullable?: boolean;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  not?: Schema;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

export class Definitions {
  readonly all: Readonly<Record<string, Schema>>;

  constructor(all: Record<string, Schema>) {
    this.all = all;
  }

  get(name: string): Schema {
    return this.all[name] ?? {};
  }

  /** The schema behind a reference; the field's own merge key and strategy stay with the field. */
  resolve(schema: Schema): Schema {
    return schema.$ref === undefined ? schema : this.get(definitionName(schema));
  }
}

/** `io.k8s.api.core.v1.PodSpec`, or '' where the schema is written in place. */
export function definitionName(schema: Schema): string {
  return schema.$ref?.slice('#/definitions/'.length) ?? '';
}

let loading: Promise<Definitions> | undefined;
let loaded: Definitions | undefined;

export function loadDefinitions(): Promise<Definitions> {
  loading ??= unpack();
  return loading;
}

/** Undefined while nobody has asked for them. */
export function loadedDefinitions(): Definitions | undefined {
  return loaded;
}

async function unpack(): Promise<Definitions> {
  const { packedDefinitions } = await import('../vendor/openapi-definitions.ts');
  const text = brotliDecompressSync(Buffer.from(packedDefinitions, 'base64')).toString();
  loaded = new Definitions(JSON.parse(text) as Record<string, Schema>);
  return loaded;
}
