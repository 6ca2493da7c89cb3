/** Validation of CustomResourceDefinitions (apiextensions-apiserver, apis/apiextensions/validation). */
import { equalJson } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
  tooMany,
} from '../../validation/field-error.ts';
import { isDns1035Label, isDnsSubdomain } from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import {
  validateCaBundle,
  validateClientConfig,
  type WebhookClientConfig,
} from '../../webhooks/client-config.ts';
import { schemaAt } from '../schema/field-path.ts';
import {
  type CustomResourceDefinition,
  type DefinitionSpec,
  type DefinitionVersion,
  isTrue,
  type PrinterColumn,
  type Subresources,
} from './definition.ts';
import { validateNames } from './names-validation.ts';
import { validateSchema } from './schema-validation.ts';

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = 'int32 int64 float double byte date date-time password'.split(' ').sort();

function validatePath(path: string | undefined, field: string): FieldError[] {
  if (!path) return [required(field)];
  return path.startsWith('.')
    ? []
    : [invalidValue(field, path, 'must be a simple json path starting with .')];
}

function validateColumn(column: PrinterColumn, field: string): FieldError[] {
  const { name, type, format } = column;
  const oneOf = (allowed: readonly string[]) => `must be one of ${allowed.join(',')}`;
  return [
    ...(name ? [] : [required(`${field}.name`)]),
    ...(type ? [] : [required(`${field}.type`, oneOf(columnTypes))]),
    ...(type && !columnTypes.includes(type) ? [invalidValue(`${field}.type`, type, oneOf(columnTypes))] : []),
    ...(format && !columnFormats.includes(format)
      ? [invalidValue(`${field}.format`, format, oneOf(columnFormats))]
      : []),
    ...validatePath(column.jsonPath, `${field}.JSONPath`),
  ];
}

function validatePathBelow(path: string | undefined, field: string, roots: readonly string[]): FieldError[] {
  const errors = validatePath(path, field);
  if (errors.length > 0 || roots.some((root) => path!.startsWith(`${root}.`))) return errors;
  const where = roots.length === 1 ? `under ${roots[0]}` : `under either ${roots.join(' or ')}`;
  return [invalidValue(field, path, `should be a json path ${where}`)];
}

function validateSubresources({ scale }: Subresources, field: string): FieldError[] {
  if (scale === undefined) return [];
  const selector = scale.labelSelectorPath;
  return [
    ...validatePathBelow(scale.specReplicasPath, `${field}.scale.specReplicasPath`, ['.spec']),
    ...validatePathBelow(scale.statusReplicasPath, `${field}.scale.statusReplicasPath`, ['.status']),
    ...(selector
      ? validatePathBelow(selector, `${field}.scale.labelSelectorPath`, ['.spec', '.status'])
      : []),
  ];
}

const maxSelectableFields = 8;

function validateSelectableFields(version: DefinitionVersion, field: string): FieldError[] {
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined && version.selectableFields?.length) {
    const why = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    return [invalidValue(field, '', why)];
  }
  const seen = new Set<string>();
  const errors = (version.selectableFields ?? []).flatMap(({ jsonPath }, i): FieldError[] => {
    const at = `${field}[${i}].jsonPath`;
    if (!jsonPath) return [required(at)];
    const found = schemaAt(schema, jsonPath, { indexes: false });
    if (typeof found === 'string') return [invalidValue(at, jsonPath, `is an invalid path: ${found}`)];
    const wrong = [
      ...(/^\.metadata(\.|$)/.test(jsonPath) ? ['must not point to fields in metadata'] : []),
      ...(['string', 'boolean', 'integer'].includes(found.type ?? '')
        ? []
        : [
            'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
          ]),
    ].map((why) => invalidValue(at, jsonPath, why));
    const repeated = seen.has(jsonPath) ? [duplicate(at, jsonPath)] : [];
    seen.add(jsonPath);
    return [...wrong, ...repeated];
  });
  return seen.size > maxSelectableFields
    ? [...errors, tooMany(field, seen.size, maxSelectableFields)]
    : errors;
}

function validateDeprecation(
  { deprecated, deprecationWarning: text }: DefinitionVersion,
  field: string,
): FieldError[] {
  if (text === undefined) return [];
  const wrong: string[] = [];
  if (!deprecated) wrong.push('can only be set for deprecated versions');
  else if (text === '') wrong.push('must not be an empty string');
  else if (text.length > 256) wrong.push('must be <= 256 characters long');
  return wrong.map((why) => invalidValue(`${field}.deprecationWarning`, text, why));
}

/** What all versions have the same is one thing to Kubernetes, and told under the definition's own name. */
function isCommon(versions: readonly DefinitionVersion[], key: keyof DefinitionVersion): boolean {
  return (
    versions.length > 0 && versions.every((v) => v[key] !== undefined && equalJson(v[key], versions[0]![key]))
  );
}

type Part = (version: DefinitionVersion, field: string, old: DefinitionVersion | undefined) => FieldError[];

/** The parts of versions that may be common, where they are told then. */
const parts: { key: keyof DefinitionVersion; common: string; own: string; validate: Part }[] = [
  { key: 'schema', common: 'validation', own: 'schema', validate: validateVersionSchema },
  {
    key: 'subresources',
    common: 'subresources',
    own: 'subresources',
    validate: ({ subresources = {} }, field) => validateSubresources(subresources, field),
  },
  {
    key: 'additionalPrinterColumns',
    common: 'additionalPrinterColumns',
    own: 'additionalPrinterColumns',
    validate: ({ additionalPrinterColumns = [] }, field) =>
      additionalPrinterColumns.flatMap((column, i) => validateColumn(column, `${field}[${i}]`)),
  },
  {
    key: 'selectableFields',
    common: 'selectableFields',
    own: 'selectableFields',
    validate: validateSelectableFields,
  },
];

function validateVersionSchema(
  { schema, subresources }: DefinitionVersion,
  field: string,
  old: DefinitionVersion | undefined,
): FieldError[] {
  const root = schema?.openAPIV3Schema;
  if (root === undefined) return [];
  return validateSchema(root, `${field}.openAPIV3Schema`, {
    hasStatus: subresources?.status !== undefined,
    unchanged: equalJson(root, old?.schema?.openAPIV3Schema),
  });
}

function validateParts(
  versions: readonly DefinitionVersion[],
  oldVersions: readonly DefinitionVersion[],
): FieldError[] {
  const oldOf = ({ name }: DefinitionVersion) => oldVersions.find((old) => old.name === name);
  return parts.flatMap(({ key, common, own, validate }) =>
    isCommon(versions, key)
      ? validate(versions[0]!, `spec.${common}`, oldOf(versions[0]!))
      : versions.flatMap((version, i) => validate(version, `spec.versions[${i}].${own}`, oldOf(version))),
  );
}

/** As Go prints one whose parts are those of all. */
const shownVersion = ({ name, served, storage, deprecated, deprecationWarning }: DefinitionVersion) => ({
  Name: name,
  Served: served ?? false,
  Storage: storage ?? false,
  Deprecated: deprecated ?? false,
  DeprecationWarning: deprecationWarning ?? null,
  Schema: null,
  Subresources: null,
  AdditionalPrinterColumns: null,
  SelectableFields: null,
});

function validateVersions(
  versions: readonly DefinitionVersion[],
  oldVersions: readonly DefinitionVersion[],
): FieldError[] {
  const field = 'spec.versions';
  const names = versions.map((v) => v.name);
  const shown = versions.map(shownVersion);
  const stored = versions.filter((v) => v.storage).length;
  return [
    ...versions.flatMap((version, i) => [
      ...(version.schema?.openAPIV3Schema ? [] : [required(`${field}[${i}].schema.openAPIV3Schema`)]),
      ...isDns1035Label(version.name).map((why) => invalidValue(`${field}[${i}].name`, version.name, why)),
      ...validateDeprecation(version, `${field}[${i}]`),
    ]),
    ...validateParts(versions, oldVersions),
    ...(new Set(names).size < names.length
      ? [invalidValue(field, shown, 'must contain unique version names')]
      : []),
    ...(stored === 1
      ? []
      : [invalidValue(field, shown, 'must have exactly one version marked as storage version')]),
  ];
}

function validateConversion({ conversion }: DefinitionSpec): FieldError[] {
  const field = 'spec.conversion';
  const { strategy, webhook } = conversion!;
  if (!['None', 'Webhook'].includes(strategy))
    return [
      strategy
        ? notSupported(`${field}.strategy`, strategy, ['None', 'Webhook'])
        : required(`${field}.strategy`),
    ];
  const config = webhook?.clientConfig as WebhookClientConfig | undefined;
  if (strategy === 'None') {
    const why = 'should not be set when strategy is not set to Webhook';
    return config ? [fieldForbidden(`${field}.webhookClientConfig`, why)] : [];
  }
  const at = `${field}.webhookClientConfig`;
  const versions = (webhook?.conversionReviewVersions ?? []) as string[];
  if (config === undefined)
    return [
      required(at, 'required when strategy is set to Webhook'),
      ...(versions.length === 0 ? [required(`${field}.conversionReviewVersions`)] : []),
    ];
  return [
    ...validateClientConfig(config, at),
    ...validateCaBundle(config.caBundle, `${at}.caBundle`),
    ...(versions.length === 0 ? [required(`${field}.conversionReviewVersions`)] : []),
    ...(versions.length > 0 && !versions.some((v) => v === 'v1' || v === 'v1beta1')
      ? [
          invalidValue(
            `${field}.conversionReviewVersions`,
            versions,
            'must include at least one of v1, v1beta1',
          ),
        ]
      : []),
  ];
}

function validateGroup(group: string | undefined): FieldError[] {
  const field = 'spec.group';
  if (!group) return [required(field)];
  const wrong = isDnsSubdomain(group);
  if (wrong.length > 0) return [invalidValue(field, group, wrong.join(','))];
  return group.includes('.') ? [] : [invalidValue(field, group, 'should be a domain with at least one dot')];
}

function validateScope(scope: string | undefined): FieldError[] {
  const scopes = ['Cluster', 'Namespaced'];
  if (!scope) return [required('spec.scope')];
  return scopes.includes(scope) ? [] : [notSupported('spec.scope', scope, scopes)];
}

const approval = 'api-approved.kubernetes.io';
const proposal = 'see https://github.com/kubernetes/enhancements/pull/1111';

/** Groups of Kubernetes' community say who approved them. */
function validateApproval({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group ?? '')) return [];
  const field = `metadata.annotations[${approval}]`;
  const text = metadata.annotations?.[approval] ?? '';
  const must = `protected groups must have approval annotation "${approval}"`;
  if (text === '') return [required(field, `${must}, ${proposal}`)];
  if (text.startsWith('unapproved') || (URL.canParse(text) && new URL(text).host !== '')) return [];
  const why = `${must} with either a URL or a reason starting with "unapproved", ${proposal}`;
  return [invalidValue(field, text, why)];
}

function validateSpec(spec: DefinitionSpec, old?: DefinitionSpec): FieldError[] {
  return [
    ...validateGroup(spec.group),
    ...validateScope(spec.scope),
    ...validateVersions(spec.versions, old?.versions ?? []),
    ...validateNames(spec.names),
    ...validateConversion(spec),
  ];
}

function validatePreserved({ spec }: CustomResourceDefinition): FieldError[] {
  if (!spec.preserveUnknownFields) return [];
  const why =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalidValue('spec.preserveUnknownFields', true, why)];
}

/** Versions that objects may be stored in have to stay. */
function validateStoredVersions({ spec, status }: CustomResourceDefinition): FieldError[] {
  const names = spec.versions.map((v) => v.name);
  const { storedVersions = names } = status ?? {};
  if (storedVersions.length === 0)
    return [invalidValue('status.storedVersions', null, 'must have at least one stored version')];
  return storedVersions.flatMap((version, i) =>
    names.includes(version)
      ? []
      : [
          invalidValue(
            `status.storedVersions[${i}]`,
            version,
            `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`,
          ),
        ],
  );
}

export function validateDefinition(definition: CustomResourceDefinition): FieldError[] {
  const { metadata, spec } = definition;
  const wanted = `${spec.names.plural}.${spec.group}`;
  return [
    ...(metadata.name === wanted
      ? []
      : [invalidValue('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...validateSpec(spec),
    ...validateStoredVersions(definition),
    ...validateApproval(definition),
    ...validatePreserved(definition),
  ];
}

export function validateDefinitionUpdate(
  next: CustomResourceDefinition,
  old: CustomResourceDefinition,
): FieldError[] {
  const unchanged = equalJson(next.metadata.annotations?.[approval], old.metadata.annotations?.[approval]);
  const { names } = next.spec;
  return [
    ...validateSpec(next.spec, old.spec),
    ...(isTrue(old, 'Established')
      ? [
          ...validateImmutable(next.spec.scope, old.spec.scope, 'spec.scope'),
          ...validateImmutable(names.kind, old.spec.names.kind, 'spec.names.kind'),
        ]
      : []),
    ...validateImmutable(next.spec.group, old.spec.group, 'spec.group'),
    ...validateImmutable(names.plural, old.spec.names.plural, 'spec.names.plural'),
    ...validateStoredVersions(next),
    ...(unchanged ? [] : validateApproval(next)),
    ...validatePreserved(next),
  ];
}
