/** Rules that would cost too much for what a request can hold (apiextensions, validation.go): each, and all together. */
import { type FieldError, fieldForbidden } from '../../../validation/field-error.ts';
import type { JsonSchema } from '../../schema/json-schema.ts';
import type { RuleNode } from '../rules.ts';
import { times } from './size.ts';
import { maxCardinality, sizedType } from './sized-type.ts';

const ruleLimit = 10_000_000;
const schemaLimit = 100_000_000;
/** Of those that a schema's total is blamed on: at most so many, and of a hundredth of the limit at least. */
const mostBlamed = 4;

interface Observed {
  field: string;
  cost: number;
  what: 'rule' | 'messageExpression';
}

function factorText(factor: number): string {
  if (factor > 100) return 'more than 100x';
  return `${factor.toFixed(factor < 1.5 ? 6 : 1)}x`;
}

function tooMuch(what: string, cost: number, limit: number): string {
  const advice =
    '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
  return `${what} exceeds budget by factor of ${factorText(cost / limit)} ${advice}`;
}

/** How many parts there can be of each; undefined where the schema does not say. */
function partsIn(schema: JsonSchema): number | undefined {
  if (schema.type === 'array') return schema.maxItems;
  return schema.type === 'object' && schema.additionalProperties !== undefined ? schema.maxProperties : 1;
}

/** `around` is how often the part can be there by the limits around it. */
function observedAt(
  node: RuleNode,
  path: string,
  at: { isRoot: boolean; around: number | undefined },
): Observed[] {
  const { schema } = node;
  const isResource = at.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  const self = node.rules.length === 0 ? undefined : sizedType(schema, isResource);
  const own = node.rules.flatMap(({ expression, message }, i): Observed[] => {
    if (self === undefined) return [];
    const field = `${path}.x-kubernetes-validations[${i}]`;
    const cost = times(expression?.estimate(self) ?? 0, at.around ?? maxCardinality(self));
    const rule: Observed = { field: `${field}.rule`, cost, what: 'rule' };
    if (message === undefined) return [rule];
    const what = 'messageExpression';
    return [rule, { field: `${field}.${what}`, cost: message.estimate(self), what }];
  });
  const parts = partsIn(schema);
  const around = at.around === undefined || parts === undefined ? undefined : times(at.around, parts);
  const below = (of: RuleNode, step: string) => observedAt(of, `${path}.${step}`, { isRoot: false, around });
  return [
    ...own,
    ...(node.items ? below(node.items, 'items') : []),
    ...(node.values ? below(node.values, 'additionalProperties') : []),
    ...[...node.properties].flatMap(([key, property]) => below(property, `properties[${key}]`)),
  ];
}

function totalErrors(observed: readonly Observed[], path: string): FieldError[] {
  const total = observed.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= schemaLimit) return [];
  const blamed = observed
    .filter(({ cost }) => cost >= schemaLimit / 100)
    .sort((a, b) => b.cost - a.cost)
    .slice(0, mostBlamed);
  const part = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
  const whole = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  return [
    ...blamed.map(({ field }) => fieldForbidden(field, part)),
    fieldForbidden(path, tooMuch(whole, total, schemaLimit)),
  ];
}

/** An unchanged schema may keep rules that are too expensive one by one, but not all together. */
export function ruleCostErrors(node: RuleNode, path: string, unchanged: boolean): FieldError[] {
  const observed = observedAt(node, path, { isRoot: true, around: 1 });
  const each = unchanged ? [] : observed.filter(({ cost }) => cost > ruleLimit);
  return [
    ...each.map(({ field, cost, what }) =>
      fieldForbidden(field, tooMuch(`estimated ${what} cost`, cost, ruleLimit)),
    ),
    ...totalErrors(observed, path),
  ];
}
