/**
 * Makes src/lab/apiserver/vendor/openapi-definitions.ts from the definitions of Kubernetes' published OpenAPI
 * document: only what the lab's API server serves, minified and compressed. Run by hand when the Kubernetes
 * version changes; the result is committed.
 *
 *     node scripts/openapi.ts DOCUMENT VERSION
 *
 * DOCUMENT is a swagger.json, or the `_definitions.json` that the Python package kubernetes-validate carries
 * (the same definitions with JSON Schema's way of saying that null is allowed and of naming the kind, which is taken
 * back here).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { builtInResources } from '../src/lab/apiserver/registry/registry.ts';

type Json = Record<string, unknown>;

const [documentPath, version] = process.argv.slice(2);
if (documentPath === undefined || version === undefined) {
  throw new Error('usage: node scripts/openapi.ts DOCUMENT VERSION');
}

const extraRoots = [
  'io.k8s.api.authentication.v1.SelfSubjectReview',
  'io.k8s.api.authorization.v1.LocalSubjectAccessReview',
  'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
  'io.k8s.api.authorization.v1.SubjectAccessReview',
  'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
  'io.k8s.api.autoscaling.v1.Scale',
  'io.k8s.api.core.v1.Binding',
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Status',
];

/** A property may be called `type` or `items`: only schemas are rewritten, so the two are walked apart. */
function plainSchema(schema: Json): Json {
  const { $schema: _schema, ...out } = schema;
  if (Array.isArray(out.type)) out.type = out.type.find((t) => t !== 'null');
  if (Array.isArray(out.oneOf)) {
    delete out.oneOf;
    out.type = 'string';
  }
  if (typeof out.$ref === 'string') out.$ref = `#/definitions/${out.$ref.split('/').pop()}`;
  for (const key of ['items', 'additionalProperties']) {
    const inner = out[key];
    if (typeof inner === 'object' && inner !== null) out[key] = plainSchema(inner as Json);
    else if (key === 'additionalProperties') delete out[key];
  }
  if (out.properties) {
    const entries = Object.entries(out.properties as Record<string, Json>);
    out.properties = Object.fromEntries(entries.map(([name, property]) => [name, plainSchema(property)]));
  }
  return out;
}

/** Kubernetes does not say by enums which kind a definition is of; its group, version and kind do. */
function withoutOwnKind(schema: Json): Json {
  for (const name of ['apiVersion', 'kind']) {
    const property = (schema.properties as Record<string, Json> | undefined)?.[name];
    if (schema['x-kubernetes-group-version-kind'] !== undefined && property !== undefined)
      delete property.enum;
  }
  return schema;
}

function referenced(schema: unknown, into: Set<string>): void {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref' && typeof value === 'string') into.add(value.slice('#/definitions/'.length));
    else referenced(value, into);
  }
}

function closure(definitions: Record<string, Json>, roots: string[]): Record<string, Json> {
  const found: Record<string, Json> = {};
  const pending = [...roots];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (found[name]) continue;
    const definition = definitions[name];
    if (definition === undefined) throw new Error(`${documentPath} does not define ${name}`);
    const schema = withoutOwnKind(plainSchema(definition));
    if (name.endsWith('.IntOrString')) schema.format = 'int-or-string';
    found[name] = schema;
    const names = new Set<string>();
    referenced(found[name], names);
    pending.push(...names);
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** deletecollection and the like list dozens of kinds for meta types; only served ones are of use. */
function servedKindsOnly(definitions: Record<string, Json>): void {
  const served = new Set(builtInResources.map((r) => `${r.group}/${r.version}`));
  for (const definition of Object.values(definitions)) {
    const kinds = definition['x-kubernetes-group-version-kind'] as
      | { group: string; version: string }[]
      | undefined;
    if (kinds === undefined || kinds.length < 3) continue;
    definition['x-kubernetes-group-version-kind'] = kinds.filter((k) =>
      served.has(`${k.group}/${k.version}`),
    );
  }
}

const document = JSON.parse(readFileSync(documentPath, 'utf8')) as Record<string, Record<string, Json>>;
const all = document.definitions ?? document.$defs;
if (all === undefined) throw new Error(`${documentPath} has no definitions`);
const roots = builtInResources.flatMap((r) => [r.definition, `${r.definition}List`]);
const definitions = closure(all, [...roots, ...extraRoots]);
servedKindsOnly(definitions);
const packed = brotliCompressSync(JSON.stringify(definitions), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
}).toString('base64');
writeFileSync(
  new URL('../src/lab/apiserver/vendor/openapi-definitions.ts', import.meta.url),
  `/** The definitions of Kubernetes ${version}'s OpenAPI document, trimmed; see NOTICE. Made by scripts/openapi.ts. */
export const kubernetesVersion = '${version}';
/** brotli, base64 */
export const packedDefinitions =
  '${packed}';
`,
);
console.log(`${Object.keys(definitions).length} definitions, ${packed.length} bytes`);
