/**
 * What the OpenAPI document says about merging: which lists are merged, by which key, and which fields exclude each
 * other. A view of one type's schema that walks down field by field.
 */
import { type Definitions, loadDefinitions, type Schema } from '../../lab/apiserver/schema/definitions.ts';

export class MergeSchema {
  readonly #definitions: Definitions;
  readonly #schema: Schema;

  constructor(definitions: Definitions, schema: Schema) {
    this.#definitions = definitions;
    this.#schema = schema;
  }

  /** Of a field; of one that the document does not know, a schema that says nothing. */
  field(name: string): MergeSchema {
    const { properties, additionalProperties } = this.#definitions.resolve(this.#schema);
    return new MergeSchema(this.#definitions, properties?.[name] ?? additionalProperties ?? {});
  }

  /** Of a list's items. */
  get items(): MergeSchema {
    return new MergeSchema(this.#definitions, this.#schema.items ?? {});
  }

  /** `patchMergeKey` of a list that is merged by it. */
  get mergeKey(): string | undefined {
    return this.#strategies.includes('merge') ? this.#schema['x-kubernetes-patch-merge-key'] : undefined;
  }

  /** A list of plain values that is a set. */
  get isSet(): boolean {
    return this.#strategies.includes('merge') && this.mergeKey === undefined;
  }

  get retainsKeys(): boolean {
    return this.#strategies.includes('retainKeys');
  }

  /** They are beside the reference, not behind it. */
  get #strategies(): string[] {
    return (this.#schema['x-kubernetes-patch-strategy'] ?? '').split(',');
  }
}

/** Undefined for kinds that the document does not have: those of custom resources. */
export async function mergeSchemaOf(type: {
  group: string;
  version: string;
  kind: string;
}): Promise<MergeSchema | undefined> {
  const definitions = await loadDefinitions();
  const schema = Object.values(definitions.all).find((definition) =>
    definition['x-kubernetes-group-version-kind']?.some(
      ({ group, version, kind }) => group === type.group && version === type.version && kind === type.kind,
    ),
  );
  return schema && new MergeSchema(definitions, schema);
}
