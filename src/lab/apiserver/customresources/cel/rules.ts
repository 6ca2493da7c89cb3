/**
 * x-kubernetes-validations: the rules of a schema, each at the part of a value that it is written at
 * (apiextensions-apiserver, schema/cel). Compiled once for each schema.
 */
import { createHash } from 'node:crypto';
import { Optional } from '@marcbachmann/cel-js';
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { isJsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  invalid,
  invalidValue,
  required,
} from '../../validation/field-error.ts';
import { type Correlation, correlateItems } from '../schema/correlation.ts';
import { normalFieldPath } from '../schema/field-path.ts';
import { childPath, type JsonSchema, keyPath, type ValidationRule, valuesOf } from '../schema/json-schema.ts';
import { CostBudget, CostExceeded, OutOfBudget, objectBudget } from './cost.ts';
import { createEnvironment } from './environment.ts';
import { compileExpression, type Expression } from './expression.ts';
import { type Converted, type DeclaredType, TypeDeclarations } from './types.ts';

interface CompiledRule {
  rule: ValidationRule;
  /** Absent where it does not compile. */
  expression?: Expression;
  message?: Expression;
  problem?: { part: 'rule' | 'messageExpression'; detail: string };
}

/** The rules at and below a part of a schema. */
export interface RuleNode {
  schema: JsonSchema;
  type: DeclaredType | undefined;
  rules: CompiledRule[];
  items?: RuleNode;
  values?: RuleNode;
  properties: Map<string, RuleNode>;
}

const hasRules = (schema: JsonSchema | undefined): boolean =>
  schema !== undefined &&
  ((schema['x-kubernetes-validations']?.length ?? 0) > 0 ||
    hasRules(schema.items) ||
    hasRules(valuesOf(schema)) ||
    Object.values(schema.properties ?? {}).some(hasRules));

class Compiler {
  readonly #environment: Environment = createEnvironment();
  readonly #types = new TypeDeclarations(this.#environment);

  compile(schema: JsonSchema): RuleNode {
    // Every type has to be known before the first expression is compiled: an environment is closed by its first copy.
    this.#types.declare(schema, 'selfType', true);
    this.#declareUnseen(schema, 'selfType');
    return this.#node(schema, true);
  }

  /** Parts that no type leads to can have rules all the same. */
  #declareUnseen(schema: JsonSchema, path: string): void {
    for (const [step, part] of partsOf(schema)) {
      if (!hasRules(part)) continue;
      const at = `${path}.${step.replaceAll(/\W/g, '_')}`;
      this.#types.declare(part, `${at}.self`, part['x-kubernetes-embedded-resource'] === true);
      this.#declareUnseen(part, at);
    }
  }

  #node(schema: JsonSchema, isResource: boolean): RuleNode {
    const type = this.#types.declare(schema, '', isResource);
    const own = schema['x-kubernetes-validations'] ?? [];
    const node: RuleNode = {
      schema,
      type,
      rules: type === undefined ? [] : this.#rules(own, type),
      properties: new Map(),
    };
    const part = (of: JsonSchema) => this.#node(of, of['x-kubernetes-embedded-resource'] === true);
    const values = valuesOf(schema);
    if (schema.items && hasRules(schema.items)) node.items = part(schema.items);
    if (values && hasRules(values)) node.values = part(values);
    for (const [key, property] of Object.entries(schema.properties ?? {}))
      if (hasRules(property)) node.properties.set(key, part(property));
    return node;
  }

  #rules(rules: readonly ValidationRule[], type: DeclaredType): CompiledRule[] {
    if (rules.length === 0) return [];
    const withOld = (old: string) =>
      this.#environment.clone().registerVariable('self', type.name).registerVariable('oldSelf', old);
    const plain = withOld(type.name);
    const optional = rules.some((r) => r.optionalOldSelf) ? withOld(`optional<${type.name}>`) : plain;
    return rules.map((rule) => compileRule(rule.optionalOldSelf ? optional : plain, rule));
  }
}

function compileRule(environment: Environment, rule: ValidationRule): CompiledRule {
  const compiled: CompiledRule = { rule };
  try {
    compiled.expression = compileExpression(environment, rule.rule, 'bool');
  } catch (error) {
    return { rule, problem: { part: 'rule', detail: (error as Error).message } };
  }
  try {
    if (rule.messageExpression)
      compiled.message = compileExpression(environment, rule.messageExpression, 'string');
  } catch (error) {
    const detail = (error as Error).message.replace(/^compilation/, 'messageExpression compilation');
    compiled.problem = { part: 'messageExpression', detail };
  }
  return compiled;
}

/** The parts of a schema by how they are written in a path. */
function partsOf(schema: JsonSchema): [string, JsonSchema][] {
  const values = valuesOf(schema);
  return [
    ...(schema.items ? ([['items', schema.items]] as [string, JsonSchema][]) : []),
    ...(values ? ([['additionalProperties', values]] as [string, JsonSchema][]) : []),
    ...Object.entries(schema.properties ?? {}).map(
      ([key, property]) => [`properties[${key}]`, property] as [string, JsonSchema],
    ),
  ];
}

type Compiled = RuleNode | { none: true };

const compiled = new WeakMap<JsonSchema, Compiled>();
/** By their text: versions of a definition are often the same but for their names, and so are definitions that come again. */
const byText = new Map<string, Compiled>();
const maxKept = 64;

function compile(schema: JsonSchema): Compiled {
  if (!hasRules(schema)) return { none: true };
  const text = createHash('sha256').update(JSON.stringify(schema)).digest('base64');
  const node = byText.get(text) ?? new Compiler().compile(schema);
  if (byText.size >= maxKept) byText.clear();
  byText.set(text, node);
  return node;
}

/** Undefined for a schema without rules. */
export function rulesOf(schema: JsonSchema): RuleNode | undefined {
  const node = compiled.get(schema) ?? compile(schema);
  compiled.set(schema, node);
  return 'none' in node ? undefined : node;
}

/** What a value is checked with: its place, what it was, and whether it has changed. */
interface At {
  field: string;
  value: unknown;
  old: unknown;
  correlation: Correlation | undefined;
  /** Of the part around it that can be told, where this one cannot. */
  around: Correlation | undefined;
  known: Converted;
  rest: Rest;
}

/** What is left for the rules of an object: once they cost too much, no further ones are asked. */
interface Rest {
  budget: CostBudget;
  ended: boolean;
}

function nameOf({ message, rule }: ValidationRule): string {
  return (message || rule).trim();
}

function messageFor(
  { rule, message }: CompiledRule,
  variables: Record<string, unknown>,
  budget: CostBudget,
): string {
  const fallback = rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
  if (message === undefined) return fallback;
  try {
    const text = String(message.evaluate(variables, budget)).trim();
    return text === '' || text.includes('\n') || text.length > 5 * 1024 ? fallback : text;
  } catch (error) {
    const why = expenseOf(error as Error, rule);
    if (why !== undefined) throw new MessageTooExpensive(why);
    return fallback;
  }
}

/** A message that costs too much ends the object's rules as a rule does. */
class MessageTooExpensive extends Error {}

function expenseOf(error: Error, { messageExpression }: ValidationRule): string | undefined {
  if (error instanceof OutOfBudget)
    return 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run';
  return error.cause instanceof CostExceeded
    ? `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(messageExpression)}`
    : undefined;
}

function failure({ rule }: CompiledRule, { schema }: RuleNode, at: At, detail: string): FieldError {
  const field = `${at.field}${normalFieldPath(rule.fieldPath)}`.replace(/^\./, '');
  const compound = schema.type === 'object' || schema.type === 'array';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return fieldForbidden(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return compound ? { ...duplicate(field, ''), message: 'Duplicate value' } : duplicate(field, at.value);
    default:
      return compound ? invalid(field || '<nil>', detail) : invalidValue(field, at.value, detail);
  }
}

function check(node: RuleNode, rule: CompiledRule, at: At): FieldError[] {
  const { expression, problem } = rule;
  const type = node.schema.type ?? '';
  if (expression === undefined)
    return [invalidValue(at.field, type, `rule compile error: ${problem?.detail}`)];
  const usesOld = expression.uses('oldSelf');
  const optional = rule.rule.optionalOldSelf === true;
  const isNew = at.old === undefined || at.old === null;
  if (usesOld && isNew && !optional) return [];
  const variables = variablesOf(node, at, optional);
  try {
    if (expression.evaluate(variables, at.rest.budget) === true) return [];
    if (!usesOld && (at.correlation ?? at.around)?.unchanged) return [];
    return [failure(rule, node, at, messageFor(rule, variables, at.rest.budget))];
  } catch (error) {
    return [invalidValue(at.field || '<nil>', type, problemOf(error as Error, rule.rule, at.rest))];
  }
}

function problemOf(error: Error, rule: ValidationRule, rest: Rest): string {
  const { message } = error;
  const name = nameOf(rule);
  const told = error instanceof OutOfBudget || error instanceof MessageTooExpensive;
  rest.ended = told || error.cause instanceof CostExceeded;
  if (told) return message;
  if (rest.ended)
    return `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${name}`;
  return message === 'no such overload'
    ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${name}`
    : `${message} evaluating rule: ${name}`;
}

function variablesOf({ type }: RuleNode, at: At, optional: boolean): Record<string, unknown> {
  const self = type!.convert(at.value, at.known);
  if (at.old === undefined || at.old === null)
    return optional ? { self, oldSelf: Optional.none() } : { self };
  const old = type!.convert(at.old, at.known);
  return { self, oldSelf: optional ? Optional.of(old) : old };
}

function below(
  at: At,
  field: string,
  value: unknown,
  old: unknown,
  correlation: Correlation | undefined,
): At {
  const around = at.correlation ?? at.around;
  return { field, value, old, correlation, around, known: at.known, rest: at.rest };
}

function validateItems(node: RuleNode, list: readonly unknown[], at: At): FieldError[] {
  const { items } = node;
  if (items === undefined) return [];
  const oldOf = correlateItems(node.schema, at.old);
  return list.flatMap((item, i) =>
    validateNode(items, below(at, `${at.field}[${i}]`, item, oldOf?.(item), at.correlation?.item(i))),
  );
}

function validateMembers(node: RuleNode, object: Record<string, unknown>, at: At): FieldError[] {
  const old = isJsonObject(at.old) ? at.old : {};
  const member = (of: RuleNode, key: string, field: string) =>
    validateNode(of, below(at, field, object[key], old[key], at.correlation?.member(key)));
  const errors: FieldError[] = [];
  for (const key of Object.keys(object)) {
    const property = node.properties.get(key);
    if (property) errors.push(...member(property, key, childPath(at.field, key)));
    else if (node.values) errors.push(...member(node.values, key, keyPath(at.field, key)));
  }
  return errors;
}

function validateNode(node: RuleNode, at: At): FieldError[] {
  if (at.value === undefined || at.value === null) return [];
  const errors = node.rules.flatMap((rule) => (at.rest.ended ? [] : check(node, rule, at)));
  if (at.rest.ended) return errors;
  if (Array.isArray(at.value)) return [...errors, ...validateItems(node, at.value, at)];
  return isJsonObject(at.value) ? [...errors, ...validateMembers(node, at.value, at)] : errors;
}

/** Values against the rules. With an old value, rules of transitions hold, and what has not changed is not blamed. */
export function validateRules(
  node: RuleNode,
  value: unknown,
  { field = '', old, correlation }: { field?: string; old?: unknown; correlation?: Correlation } = {},
): FieldError[] {
  const rest = { budget: new CostBudget(objectBudget), ended: false };
  return validateNode(node, { field, value, old, correlation, around: undefined, known: new Map(), rest });
}

/** A rule that does not compile, or that can never be asked, and why. */
export interface RuleProblem {
  /** Where the schema is that holds it. */
  path: string;
  index: number;
  part: 'rule' | 'messageExpression' | 'optionalOldSelf';
  detail: string;
  rule: ValidationRule;
}

/** `uncorrelatable` is the first part above that cannot be told between an object's states. */
function problemsAt(node: RuleNode, path: string, uncorrelatable: string | undefined): RuleProblem[] {
  const own = node.rules.flatMap(({ rule, expression, problem }, index): RuleProblem[] => {
    const found: RuleProblem[] = problem ? [{ path, index, rule, ...problem }] : [];
    const usesOld = expression?.uses('oldSelf') === true;
    if (usesOld && uncorrelatable !== undefined) {
      const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
      found.push({ path, index, rule, part: 'rule', detail });
    } else if (!usesOld && expression && rule.optionalOldSelf !== undefined) {
      const detail = 'may not be set if oldSelf is not used in rule';
      found.push({ path, index, rule, part: 'optionalOldSelf', detail });
    }
    return found;
  });
  const list = node.schema['x-kubernetes-list-type'] === 'map' ? uncorrelatable : (uncorrelatable ?? path);
  return [
    ...own,
    ...(node.items ? problemsAt(node.items, `${path}.items`, list) : []),
    ...(node.values ? problemsAt(node.values, `${path}.additionalProperties`, uncorrelatable) : []),
    ...[...node.properties].flatMap(([key, property]) =>
      problemsAt(property, `${path}.properties[${key}]`, uncorrelatable),
    ),
  ];
}

export { ruleCostErrors } from './estimate/rule-costs.ts';

export function ruleProblems(node: RuleNode, path: string): RuleProblem[] {
  return problemsAt(node, path, undefined);
}
