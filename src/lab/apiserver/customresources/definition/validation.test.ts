import { beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { loadRuleEngine } from '../cel/engine.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { specOf, versionOf, widgets } from '../test-definitions.ts';
import type { CustomResourceDefinition } from './definition.ts';
import { definitionStrategy } from './definition-strategy.ts';
import { validateDefinition, validateDefinitionUpdate } from './validation.ts';

beforeAll(loadRuleEngine);

function prepared(definition: JsonObject): CustomResourceDefinition {
  definitionStrategy.setDefaults!(definition);
  return definition as CustomResourceDefinition;
}

const errors = (definition: JsonObject) =>
  validateDefinition(prepared(definition)).map((e) => `${e.field}: ${e.message}`);

const free: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const root = 'spec.validation.openAPIV3Schema';
const part = `${root}.properties[spec]`;

/** As Go prints a version whose parts are those of all. */
const shown = (storage: boolean) =>
  `{"Name":"v1","Served":true,"Storage":${storage},"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}`;

describe('a part of a schema', () => {
  test.each<[string, JsonSchema, ...string[]]>([
    ['with a type', { type: 'string' }],
    ['without', {}, `${part}.type: Required value: must not be empty for specified object fields`],
    [
      'of a type that there is not',
      { type: 'text' },
      `${part}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
    ['of anything', { 'x-kubernetes-preserve-unknown-fields': true }],
    ['a list of nothing', { type: 'array' }, `${part}.items: Required value: must be specified`],
    [
      'a list of what has no type',
      { type: 'array', items: {} },
      `${part}.items.type: Required value: must not be empty for specified array items`,
    ],
    [
      'int-or-string',
      { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    ],
    [
      'a type that narrows',
      { type: 'string', anyOf: [{ type: 'string' }] },
      `${part}.anyOf[0].type: Forbidden: must be empty to be structural`,
    ],
    [
      'a default that narrows',
      { type: 'string', not: { default: 'x' } },
      `${part}.not.default: Forbidden: must be undefined to be structural`,
    ],
    [
      'a pattern that is none',
      { type: 'string', pattern: '(?=a)' },
      `${part}.pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: \`(?=\``,
    ],
    [
      'members and a map',
      { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } },
      `${part}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
    ],
    [
      'a resource of no fields',
      { type: 'object', 'x-kubernetes-embedded-resource': true },
      `${part}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
    ],
    [
      'a set of what can be changed in part',
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object' } },
      `${part}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
    ],
    [
      'a map list without keys',
      { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } },
      `${part}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
    ],
    [
      'a key that may be missing',
      {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['a'],
        items: { type: 'object', properties: { a: { type: 'string' } } },
      },
      `${part}.items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
    ['a default', { type: 'object', default: { a: 'x' }, properties: { a: { type: 'string' } } }],
    [
      'a default with more',
      { type: 'object', default: { b: 'x' }, properties: { a: { type: 'string' } } },
      `${part}.default: Invalid value: {"b":"x"}: must not have unknown fields`,
    ],
    [
      'a default that does not fit',
      { type: 'integer', default: 0, minimum: 1 },
      `${part}.default: Invalid value: 0:  in body should be greater than or equal to 1`,
    ],
    [
      'a default that breaks a rule',
      { type: 'integer', default: 0, 'x-kubernetes-validations': [{ rule: 'self > 0', message: 'm' }] },
      `${part}.default: Invalid value: 0: m`,
    ],
    ['a rule', { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self > 0' }] }],
    [
      'an empty rule',
      { type: 'integer', 'x-kubernetes-validations': [{ rule: ' ' }] },
      `${part}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
    ],
    [
      'a rule of two lines',
      { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self > 0\n&& self < 9' }] },
      `${part}.x-kubernetes-validations[0].message: Required value: message must be specified if rule contains line breaks`,
    ],
    [
      'a rule of another field',
      { type: 'object', 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.a' }] },
      `${part}.x-kubernetes-validations[0].fieldPath: Invalid value: ".a": must be a valid path`,
    ],
    [
      'a rule that does not compile',
      { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self.a' }] },
      `${part}.x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.a","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:5: type 'int' does not support field selection\n | self.a\n | ....^`,
    ],
  ])('%s', (_, schema, ...wanted) => {
    expect(errors(widgets(specOf(schema)))).toEqual(wanted);
  });
});

describe('a definition', () => {
  test.each<[string, JsonObject, ...string[]]>([
    ['that is right', widgets(free)],
    [
      'under another name',
      { ...widgets(free), metadata: { name: 'x.example.com' } },
      'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
    ],
    [
      'of no scope',
      widgets(free, {}, { scope: 'All' }),
      'spec.scope: Unsupported value: "All": supported values: "Cluster", "Namespaced"',
    ],
    [
      'that stores nothing',
      widgets(free, { storage: false }),
      `spec.versions: Invalid value: [${shown(false)}]: must have exactly one version marked as storage version`,
    ],
    [
      'without a schema',
      widgets(free, { schema: undefined }),
      'spec.versions[0].schema.openAPIV3Schema: Required value',
    ],
    [
      'with one version twice',
      widgets(free, {}, { versions: [versionOf(free), versionOf(free, { storage: false })] }),
      `spec.versions: Invalid value: [${shown(true)},${shown(false)}]: must contain unique version names`,
    ],
    [
      'with a column of no type',
      widgets(free, { additionalPrinterColumns: [{ name: 'A', type: 'text', jsonPath: '.a' }] }),
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    ],
    [
      'with a path that is none',
      widgets(free, { additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: 'a' }] }),
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .',
    ],
    [
      'that scales something else',
      widgets(free, {
        subresources: { scale: { specReplicasPath: '.status.a', statusReplicasPath: '.status.b' } },
      }),
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
    ],
    [
      'that selects what cannot be',
      widgets(specOf(free), { selectableFields: [{ jsonPath: '.spec' }] }),
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
    ],
    [
      'that narrows its root',
      widgets(
        { ...free, oneOf: [{ required: ['spec'] }], properties: { spec: free } },
        { subresources: { status: {} } },
      ),
      expect.stringContaining(
        'fields are allowed at the root of the schema if the status subresource is enabled',
      ) as unknown as string,
    ],
    [
      'that says more of metadata',
      widgets({
        type: 'object',
        properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
      }),
      `${root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
    ],
    [
      'that keeps everything',
      widgets(free, {}, { preserveUnknownFields: true }),
      'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    ],
    [
      'converted by nobody',
      widgets(free, {}, { conversion: { strategy: 'Webhook' } }),
      'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
      'spec.conversion.conversionReviewVersions: Required value',
    ],
  ])('%s', (_, definition, ...wanted) => {
    expect(errors(definition)).toEqual(wanted);
  });

  test('of Kubernetes\u2019 community says who approved it', () => {
    const definition = widgets(free, {}, { group: 'example.k8s.io' });
    definition.metadata.name = 'widgets.example.k8s.io';
    expect(errors(definition)).toEqual([
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ]);
    definition.metadata.annotations = { 'api-approved.kubernetes.io': 'unapproved, a test' };
    expect(errors(definition)).toEqual([]);
  });

  test('of two versions is blamed at the one that is wrong', () => {
    const versions = [versionOf(free), versionOf(specOf({}), { name: 'v2', storage: false })];
    expect(errors(widgets(free, {}, { versions }))).toEqual([
      'spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields',
    ]);
  });

  test('does not change what its objects hang on', () => {
    const old = prepared(widgets(free));
    old.status = { conditions: [], acceptedNames: {}, storedVersions: ['v1'] };
    old.status.conditions.push({
      type: 'Established',
      status: 'True',
      reason: '',
      message: '',
      lastTransitionTime: '',
    });
    const next = structuredClone(old);
    next.spec.scope = 'Cluster';
    next.spec.names.kind = 'Gadget';
    expect(validateDefinitionUpdate(next, old).map((e) => e.field)).toEqual([
      'spec.scope',
      'spec.names.kind',
    ]);
  });
});
