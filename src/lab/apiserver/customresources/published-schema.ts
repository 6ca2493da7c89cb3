/** The schema of a custom resource as the OpenAPI documents have it: what `kubectl explain` shows. */
import type { Resource } from '../registry/resource.ts';
import { Definitions, loadDefinitions, loadedDefinitions, type Schema } from '../schema/definitions.ts';
import type { JsonSchema } from './schema/json-schema.ts';

export interface Published {
  group: string;
  version: string;
  kind: string;
  listKind: string;
  definition: string;
  schema: JsonSchema;
}

/** `io.k8s.networking.gateway.v1.Gateway`: the group's labels from the last to the first. */
export function definitionName(group: string, version: string, kind: string): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

const reference = (name: string) => ({ $ref: `#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.${name}` });

/** Every kind says the same of itself. */
function typeFields(known: Definitions): Record<string, Schema> {
  const { apiVersion, kind } = known.get('io.k8s.api.core.v1.ConfigMap').properties ?? {};
  return { apiVersion: apiVersion ?? { type: 'string' }, kind: kind ?? { type: 'string' } };
}

function ofKind({ group, version, schema }: Published, kind: string, fields: Record<string, Schema>): Schema {
  const { properties = {}, ...rest } = schema as Schema;
  return {
    ...rest,
    properties: {
      ...properties,
      ...fields,
      metadata: {
        description:
          "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
        ...reference('ObjectMeta'),
      },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}

function ofList(
  { group, version, kind, listKind, definition }: Published,
  fields: Record<string, Schema>,
): Schema {
  return {
    description: `${listKind} is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...fields,
      items: {
        description: 'List of objects.',
        type: 'array',
        items: { $ref: `#/definitions/${definition}` },
      },
      metadata: { description: "Standard list's metadata.", ...reference('ListMeta') },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind: listKind }],
  };
}

/** Kubernetes' own definitions with the kind's and its list's. Made when first asked for. */
export function publishedDefinitions(published: Published): Pick<Resource, 'definitions' | 'managedSchemas'> {
  let made: Definitions | undefined;
  const make = (known: Definitions) => {
    const fields = typeFields(known);
    made ??= new Definitions({
      ...known.all,
      [published.definition]: ofKind(published, published.kind, fields),
      [`${published.definition}List`]: ofList(published, fields),
    });
    return made;
  };
  return {
    definitions: async () => make(await loadDefinitions()),
    managedSchemas() {
      const known = loadedDefinitions();
      return known && make(known);
    },
  };
}
