/** From a version of a CustomResourceDefinition to a resource of the registry. */
import { cloneJson, equalJson, type JsonObject } from '../json.ts';
import type { Conversion, Resource, ScalePaths } from '../registry/resource.ts';
import { compareVersions } from '../registry/version-priority.ts';
import { loadDefinitions } from '../schema/definitions.ts';
import type { Decode } from '../schema/field-check.ts';
import { createTerminating } from '../status.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import { conversionWebhook } from './conversion-webhook.ts';
import { customStrategy } from './custom-strategy.ts';
import {
  type CustomResourceDefinition,
  type DefinitionVersion,
  isTrue,
  type Names,
  type Subresources,
} from './definition/definition.ts';
import { decodeMetadata, hasEmbedded } from './embedded-resources.ts';
import { printerColumns } from './printer-columns.ts';
import { definitionName, publishedDefinitions } from './published-schema.ts';
import { dropNulls, setDefaults } from './schema/defaulting.ts';
import type { JsonSchema } from './schema/json-schema.ts';
import { prune } from './schema/pruning.ts';

const bare = (path: string) => path.replace(/^\./, '');

function scaleOf({ scale }: Subresources): ScalePaths | undefined {
  if (scale === undefined) return undefined;
  return {
    replicas: bare(scale.specReplicasPath),
    statusReplicas: bare(scale.statusReplicasPath),
    ...(scale.labelSelectorPath ? { selector: bare(scale.labelSelectorPath) } : {}),
  };
}

/** Reads bodies: metadata by Kubernetes' rules, the rest pruned to what the schema describes. */
function decoderOf(schema: JsonSchema): () => Promise<Decode> {
  const embedding = hasEmbedded(schema) ? schema : undefined;
  return async () => {
    const definitions = await loadDefinitions();
    return (body) => {
      const object = cloneJson(body);
      const { unknown, typeErrors } = decodeMetadata(object, embedding, definitions);
      const ofRoot = (field: string) => field.startsWith('metadata.');
      const [own, others] = [unknown.filter(ofRoot), unknown.filter((field) => !ofRoot(field))];
      return { object, typeErrors, unknown: [...own, ...prune(object, schema), ...others] };
    };
  };
}

interface ConvertedVersion {
  apiVersion: string;
  storedAs: string;
  /** Of another version. */
  schemaOf(apiVersion: string): JsonSchema | undefined;
}

/**
 * Objects are stored as they come but for their apiVersion; readers get what their version's schema describes, with the
 * defaults of the version that they were stored in.
 */
function conversionOf(schema: JsonSchema, { apiVersion, storedAs, schemaOf }: ConvertedVersion): Conversion {
  return {
    toStored: (object) => (storedAs === apiVersion ? object : { ...object, apiVersion: storedAs }),
    fromStored(stored) {
      const object = cloneJson(stored);
      const own = schemaOf(stored.apiVersion) ?? schema;
      dropNulls(object, own);
      setDefaults(object, own);
      object.apiVersion = apiVersion;
      prune(object, schema);
      return equalJson(object, stored) ? stored : object;
    },
  };
}

/** Where there is a later version that is not to go, it says which. */
function deprecationOf(
  {
    group,
    names,
    versions,
  }: { group: string; names: Partial<Names>; versions: readonly DefinitionVersion[] },
  version: DefinitionVersion,
) {
  if (!version.deprecated) return undefined;
  const others = versions.filter((v) => v.served && !v.deprecated).map(({ name }) => name);
  const [best] = others.sort(compareVersions);
  const instead =
    best !== undefined && compareVersions(best, version.name) < 0
      ? `; use ${group}/${best} ${names.kind}`
      : '';
  return version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated${instead}`;
}

export interface CustomResourceOptions {
  /** Ends with the resource. */
  retired: AbortSignal;
  /** The definition as it is now. */
  current(): CustomResourceDefinition | undefined;
  webhooks: WebhookClient;
}

export function customResource(
  definition: CustomResourceDefinition,
  version: DefinitionVersion,
  { retired, current, webhooks }: CustomResourceOptions,
): Resource {
  const { spec, status } = definition;
  const { group } = spec;
  const names: Names = { ...spec.names, ...status?.acceptedNames };
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  const schema = version.schema?.openAPIV3Schema ?? {};
  const scale = scaleOf(version.subresources ?? {});
  const hasStatus = version.subresources?.status !== undefined;
  const name = definitionName(group, version.name, kind);
  const stored = spec.versions.find((v) => v.storage)!.name;
  const refuseNew = () => {
    const now = current();
    if (now === undefined || isTrue(now, 'Terminating')) throw createTerminating({ group, plural, kind });
  };
  const deprecation = deprecationOf({ group, names, versions: spec.versions }, version);
  return {
    group,
    version: version.name,
    kind,
    plural,
    singular,
    listKind,
    shortNames,
    categories,
    namespaced: spec.scope === 'Namespaced',
    definition: name,
    ...publishedDefinitions({
      group,
      version: version.name,
      kind,
      listKind,
      definition: name,
      schema,
    }),
    decoder: decoderOf(schema),
    collection: `${group}/${plural}`,
    stored: version.storage,
    served: version.served,
    hasStatus,
    countsGenerations: true,
    updatesNeedVersion: true,
    mergesStrategically: false,
    ...(scale ? { scale } : {}),
    strategy: customStrategy({ schema, hasStatus, scale, refuseNew }),
    fieldSelectors: (version.selectableFields ?? []).map(({ jsonPath }) => bare(jsonPath)),
    columns: printerColumns(version.additionalPrinterColumns),
    ...(deprecation === undefined ? {} : { deprecation }),
    retired,
    conversion: {
      ...conversionOf(schema, {
        apiVersion: `${group}/${version.name}`,
        storedAs: `${group}/${stored}`,
        schemaOf: (apiVersion) =>
          spec.versions.find(({ name }) => `${group}/${name}` === apiVersion)?.schema?.openAPIV3Schema,
      }),
      webhook: conversionWebhook(spec, webhooks),
    },
  };
}

/** What a version's resource is made of: as long as this is the same, so is the resource. */
export function essenceOf(
  { spec, status }: CustomResourceDefinition,
  version: DefinitionVersion,
): JsonObject {
  const { group, scope, conversion, versions } = spec;
  const storage = versions.find((v) => v.storage)?.name;
  return { group, scope, conversion, storage, names: status?.acceptedNames, version };
}
