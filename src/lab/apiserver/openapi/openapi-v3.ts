/** /openapi/v3: a document for each group and version, made from the same definitions. */
import { registry, servedGroups } from '../registry/registry.ts';
import { apiVersionOf } from '../registry/resource.ts';
import { type Definitions, definitionName, type Schema } from '../schema/definitions.ts';
import { patchOperations, patchParameters } from './operations.ts';

const pathOf = (group: string, version: string) =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

const servedVersions = () =>
  servedGroups().flatMap(({ group, versions }) => versions.map((version) => ({ group, version })));

export function openApiV3Index(kubernetesVersion: string): object {
  const entries = servedVersions().map(({ group, version }) => {
    const path = pathOf(group, version);
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${kubernetesVersion}` }];
  });
  return { paths: Object.fromEntries(entries) };
}

/** OpenAPI 3.0 ignores what is beside a reference, so references with a description go into allOf. */
function schemaV3(schema: Schema): object {
  const { $ref, properties, items, additionalProperties, ...rest } = schema;
  const result: Record<string, unknown> = { ...rest };
  if (rest.format === 'int-or-string') {
    delete result.type;
    result.oneOf = [{ type: 'integer' }, { type: 'string' }];
  }
  if (properties) {
    result.properties = Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, schemaV3(v)]));
  }
  if (items) result.items = schemaV3(items);
  if (additionalProperties) result.additionalProperties = schemaV3(additionalProperties);
  if ($ref === undefined) return result;
  const reference = { $ref: `#/components/schemas/${definitionName(schema)}` };
  return Object.keys(result).length === 0 ? reference : { ...result, allOf: [reference] };
}

function collect(definitions: Definitions, name: string, into: Record<string, object>): void {
  if (name === '' || into[name] !== undefined) return;
  const schema = definitions.get(name);
  into[name] = schemaV3(schema);
  collectFrom(definitions, schema, into);
}

function collectFrom(definitions: Definitions, schema: Schema, into: Record<string, object>): void {
  collect(definitions, definitionName(schema), into);
  for (const property of Object.values(schema.properties ?? {})) collectFrom(definitions, property, into);
  if (schema.items) collectFrom(definitions, schema.items, into);
  if (schema.additionalProperties) collectFrom(definitions, schema.additionalProperties, into);
}

const queryParameters = Object.entries(patchParameters).map(([name, description]) => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string', uniqueItems: true },
}));

function pathsOf(group: string, version: string): object {
  const operations = patchOperations().filter(({ gvk }) => gvk.group === group && gvk.version === version);
  const entries = operations.map(({ path, operationId, gvk, resource }) => {
    const schema = { $ref: `#/components/schemas/${resource.definition}` };
    const responses = { 200: { description: 'OK', content: { 'application/json': { schema } } } };
    const patch = {
      operationId,
      parameters: queryParameters,
      responses,
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': gvk,
    };
    return [path, { patch }];
  });
  return Object.fromEntries(entries);
}

/** The document at /openapi/v3/PATH, where PATH is `api/v1` or `apis/GROUP/VERSION`; undefined for others. */
export function openApiV3(
  definitions: Definitions,
  path: string,
  kubernetesVersion: string,
): object | undefined {
  const found = servedVersions().find(({ group, version }) => pathOf(group, version) === path);
  if (found === undefined) return undefined;
  const { group, version } = found;
  const schemas: Record<string, object> = {};
  for (const resource of registry) {
    if (apiVersionOf(resource) !== apiVersionOf(found)) continue;
    collect(definitions, resource.definition, schemas);
    collect(definitions, `${resource.definition}List`, schemas);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: kubernetesVersion },
    paths: pathsOf(group, version),
    components: { schemas },
  };
}
