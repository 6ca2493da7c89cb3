/** CustomResourceDefinitions: defaults, status, what is said of formats (apiextensions-apiserver, registry). */
import type { JsonObject } from '../../json.ts';
import type { Strategy } from '../../registry/resource.ts';
import { loadRuleEngine } from '../cel/engine.ts';
import { isKnownFormat } from '../schema/formats.ts';
import {
  type CustomResourceDefinition,
  cleanupFinalizer,
  definitionsCollection,
  partsOf,
} from './definition.ts';
import { statusOf, terminating } from './status.ts';
import { validateDefinition, validateDefinitionUpdate } from './validation.ts';

function setDefaults(definition: JsonObject): void {
  definition.spec ??= {};
  const { spec } = definition;
  spec.names ??= {};
  const { names } = spec;
  names.singular ||= String(names.kind ?? '').toLowerCase();
  if (names.kind) names.listKind ||= `${names.kind}List`;
  spec.versions ??= [];
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
}

function warnings({ spec }: JsonObject): string[] {
  const formats = (spec.versions as JsonObject[]).flatMap(({ schema }) =>
    [...partsOf(schema?.openAPIV3Schema, '')].flatMap(([, part]) =>
      part.format && !isKnownFormat(part.type, part.format) ? [part.format] : [],
    ),
  );
  return [...new Set(formats)].map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

export const definitionStrategy: Strategy = {
  load: loadRuleEngine,
  setDefaults,
  admit(next, _old, { list, builtIn, now }) {
    const definition = next as CustomResourceDefinition;
    const others = (list(definitionsCollection) as CustomResourceDefinition[]).filter(
      ({ metadata, spec }) =>
        metadata.name !== definition.metadata.name && spec.group === definition.spec.group,
    );
    next.status = statusOf(definition, { others, builtIn: builtIn(definition.spec.group) }, now());
    return [];
  },
  validate: (next, old) =>
    old === undefined
      ? validateDefinition(next as CustomResourceDefinition)
      : validateDefinitionUpdate(next as CustomResourceDefinition, old as CustomResourceDefinition),
  prepareForStatus({ spec, status }) {
    const stored = (spec.versions as JsonObject[]).find(({ storage }) => storage)?.name;
    if (status && !status.storedVersions?.length && stored) status.storedVersions = [stored];
  },
  warnings,
  deletionFinalizers: [cleanupFinalizer],
  markDeleted(definition, now) {
    const { status, metadata } = definition;
    // Its own store deletes it, without grace and without counting that as a change of what is wished.
    delete metadata.deletionGracePeriodSeconds;
    metadata.generation -= 1;
    definition.status = { ...status, conditions: terminating(status?.conditions ?? [], now) };
  },
};
