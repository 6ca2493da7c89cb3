/** One of Kubernetes' own resources, from what is special about it. */
import { loadDefinitions, loadedDefinitions } from '../schema/definitions.ts';
import { definitionDecoder } from '../schema/field-check.ts';
import { type Column, facedColumns } from '../table/column.ts';
import { plainColumns } from '../table/other-columns.ts';
import type { Resource, Strategy } from './resource.ts';

interface Entry {
  shortNames?: string[];
  categories?: string[];
  clusterScoped?: true;
  status?: true;
  /** Where its group counts generations and it does not. */
  uncounted?: true;
  scale?: true;
  strategy?: Strategy;
  fieldSelectors?: string[];
  columns?: readonly Column[];
  singular?: string;
  /** Where its definition is not named after its group. */
  definition?: string;
  updatesNeedVersion?: true;
  /** Said to whoever creates one: nothing in a lab acts on this kind. */
  kept?: string;
  /** Stored in another resource's collection. */
  face?: Required<Pick<Resource, 'collection' | 'conversion'>>;
}

/** The module of a group's Go types, as the OpenAPI document names it. */
function definitionPrefix(apiVersion: string): string {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  return `io.k8s.api.${group!.replace(/\..*/, '')}.${version}`;
}

const scalePaths = {
  replicas: 'spec.replicas',
  statusReplicas: 'status.replicas',
  selector: 'spec.selector',
};

const countingGroups = new Set([
  'apps',
  'networking.k8s.io',
  'policy',
  'batch',
  'discovery.k8s.io',
  'apiextensions.k8s.io',
  'admissionregistration.k8s.io',
]);

/** `plural` of a version, as `apps/v1`. */
export function resource(apiVersion: string, kind: string, plural: string, entry: Entry = {}): Resource {
  const [group, version] = apiVersion.includes('/')
    ? (apiVersion.split('/') as [string, string])
    : ['', apiVersion];
  const definition = entry.definition ?? `${definitionPrefix(apiVersion)}.${kind}`;
  const { face } = entry;
  const columns = entry.columns ?? plainColumns;
  return {
    group,
    version,
    kind,
    plural,
    singular: entry.singular ?? kind.toLowerCase(),
    listKind: `${kind}List`,
    shortNames: entry.shortNames ?? [],
    categories: entry.categories ?? [],
    namespaced: !entry.clusterScoped,
    definition,
    definitions: loadDefinitions,
    managedSchemas: face ? () => undefined : loadedDefinitions,
    decoder: definitionDecoder(definition),
    collection: `${group}/${plural}`,
    stored: face === undefined,
    served: true,
    hasStatus: entry.status === true,
    countsGenerations: !entry.uncounted && (countingGroups.has(group) || plural === 'pods'),
    updatesNeedVersion: entry.updatesNeedVersion === true,
    mergesStrategically: true,
    ...(entry.scale ? { scale: scalePaths } : {}),
    strategy: entry.strategy ?? {},
    fieldSelectors: entry.fieldSelectors ?? [],
    columns: face ? facedColumns(columns, face.conversion.toStored) : columns,
    ...(entry.kept === undefined ? {} : { keptOnly: entry.kept }),
    ...face,
  };
}
