/** /openapi/v3: a document for each group and version, made from the same definitions. */
import { createHash } from 'node:crypto';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import type { ResourceRegistry } from '../registry/resource-registry.ts';
import { type Definitions, definitionName, loadDefinitions, type Schema } from '../schema/definitions.ts';
import { patchOperations, patchParameters } from './operations.ts';

const pathOf = (group: string, version: string) =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

const servedVersions = (registry: ResourceRegistry) =>
  registry.groups().flatMap(({ group, versions }) => versions.map((version) => ({ group, version })));

const resourcesIn = (registry: ResourceRegistry, of: { group: string; version: string }) =>
  registry.all.filter((resource) => apiVersionOf(resource) === apiVersionOf(of));

/** Clients keep documents by their hash, on disk and for more than one server. */
async function hashOf(resources: readonly Resource[], kubernetesVersion: string): Promise<string> {
  const hash = createHash('sha256').update(kubernetesVersion);
  for (const { definition, definitions } of resources) {
    hash.update(definition);
    if (definitions !== loadDefinitions) hash.update(JSON.stringify((await definitions()).get(definition)));
  }
  return hash.digest('hex').slice(0, 32).toUpperCase();
}

export async function openApiV3Index(registry: ResourceRegistry, kubernetesVersion: string): Promise<object> {
  const paths: Record<string, object> = {};
  for (const at of servedVersions(registry)) {
    const path = pathOf(at.group, at.version);
    const hash = await hashOf(resourcesIn(registry, at), kubernetesVersion);
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { paths };
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

function pathsOf(resources: readonly Resource[]): object {
  const entries = patchOperations(resources).map(({ path, operationId, gvk, resource }) => {
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
export async function openApiV3(
  registry: ResourceRegistry,
  path: string,
  kubernetesVersion: string,
): Promise<object | undefined> {
  const found = servedVersions(registry).find(({ group, version }) => pathOf(group, version) === path);
  if (found === undefined) return undefined;
  const resources = resourcesIn(registry, found);
  const schemas: Record<string, object> = {};
  for (const resource of resources) {
    const definitions = await resource.definitions();
    collect(definitions, resource.definition, schemas);
    collect(definitions, `${resource.definition}List`, schemas);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: kubernetesVersion },
    paths: pathsOf(resources),
    components: { schemas },
  };
}
