/**
 * Values against their schema, with the findings and the words of kube-apiserver (kube-openapi, validation/validate). Each
 * part of a schema that holds is counted: of the schemas of an anyOf or oneOf, the one that holds most tells what is wrong.
 */
import { equalJson, isJsonObject } from '../../json.ts';
import {
  type FieldError,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
  wrongType,
} from '../../validation/field-error.ts';
import { PatternTimeout } from './bounded-match.ts';
import type { Correlation } from './correlation.ts';
import { hasFormat, isKnownFormat } from './formats.ts';
import { childPath, type JsonSchema } from './json-schema.ts';
import { goRegExp } from './patterns.ts';

/** Field paths begin with a dot: `.spec.rules[0]`; the root's is empty. */
type Path = string;

class Result {
  readonly errors: FieldError[] = [];
  matches = 0;

  get valid(): boolean {
    return this.errors.length === 0;
  }

  add(...errors: readonly FieldError[]): void {
    for (const error of errors)
      if (!this.errors.some((e) => e.field === error.field && e.message === error.message))
        this.errors.push(error);
  }

  merge(other: Result): void {
    this.add(...other.errors);
    this.matches += other.matches;
  }
}

const shown = (path: Path) => path.replace(/^\./, '');

const body = (path: Path, text: string) => `${path} in body ${text}`;

/** Errors of a schema as a whole have no field. */
const ofWhole = (message: string): FieldError => ({
  field: '<nil>',
  reason: 'FieldValueInvalid',
  message: `Invalid value: "": ${message}`,
});

const wrong = (path: Path, value: unknown, text: string): FieldError =>
  invalidValue(shown(path), value ?? '', body(shown(path), text));

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function typesOf(schema: JsonSchema): string[] {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string'];
  return schema.type ? [schema.type] : [];
}

/** The format where it means something for the type: others are left alone. */
function formatOf(schema: JsonSchema): string | undefined {
  if (!schema.format || schema['x-kubernetes-int-or-string']) return undefined;
  return isKnownFormat(schema.type, schema.format) ? schema.format : undefined;
}

/** The format that a value has of itself. */
const ownFormats: Record<string, string> = { integer: 'int64', number: 'float64' };

/** What a value should have been, and what it is: types, or their formats where there are any. */
function misfit(value: unknown, schema: JsonSchema): [wanted: string, is: string] | undefined {
  const types = typesOf(schema);
  const is = typeName(value);
  if (types.length === 0 || (value === null && schema.nullable)) return undefined;
  if (types.includes(is) || (is === 'integer' && types.includes('number'))) return undefined;
  const format = value === null ? undefined : formatOf(schema);
  if (format === undefined) return [types.join(','), is];
  if (is !== 'string' && is !== 'array') return [format, ownFormats[is] ?? ''];
  return schema.type === 'string' ? undefined : [types.join(','), is];
}

function checkType(value: unknown, schema: JsonSchema, path: Path): Result {
  const result = new Result();
  const found = misfit(value, schema);
  if (found === undefined) {
    result.matches++;
    return result;
  }
  const [wanted, is] = found;
  result.add(wrongType(shown(path), is, body(shown(path), `must be of type ${wanted}: "${is}"`)));
  return result;
}

const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** The first finding only. */
function checkText(text: string, schema: JsonSchema, path: Path): FieldError[] {
  const { maxLength, minLength, pattern } = schema;
  if (maxLength !== undefined && codePoints(text) > maxLength) return [tooLong(shown(path), maxLength)];
  if (minLength !== undefined && codePoints(text) < minLength)
    return [wrong(path, text, `should be at least ${minLength} chars long`)];
  const why = pattern && mismatch(text, pattern);
  return why ? [wrong(path, text, why)] : [];
}

function mismatch(text: string, pattern: string): string | undefined {
  try {
    return goRegExp(pattern).test(text) ? undefined : `should match '${pattern}'`;
  } catch (error) {
    if (error instanceof PatternTimeout) return `should match '${pattern}', which takes too long to find out`;
    throw error;
  }
}

function checkFormat(text: string, schema: JsonSchema, path: Path): FieldError[] {
  const format = formatOf(schema);
  if (format === undefined || hasFormat(format, text) !== false) return [];
  const message = body(shown(path), `must be of type ${format}: ${JSON.stringify(text)}`);
  return [wrongType(shown(path), text, message)];
}

const ranges: Record<string, [number, number]> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  float: [-3.4028234663852886e38, 3.4028234663852886e38],
};

function isInRange(value: number, type: string | undefined, format: string | undefined): boolean {
  const [least, most] = ranges[format ?? (type === 'integer' ? 'int64' : '')] ?? [-Infinity, Infinity];
  return (type !== 'integer' || Number.isInteger(value)) && value >= least && value <= most;
}

/** Of a whole number the factor is taken as one too, and cut off: of 0.5 nothing is left. */
function checkMultiple(value: number, multipleOf: number | undefined, path: Path): FieldError[] {
  if (multipleOf === undefined) return [];
  const factor = Number.isInteger(value) ? Math.trunc(multipleOf) : multipleOf;
  if (factor === 0) {
    const why = `factor MultipleOf declared for ${shown(path)} must be positive: 0`;
    return [invalidValue(shown(path), 0, why)];
  }
  return Number.isInteger(value / factor) ? [] : [wrong(path, value, `should be a multiple of ${factor}`)];
}

function checkNumber(value: number, schema: JsonSchema, path: Path): FieldError[] {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf } = schema;
  const errors: FieldError[] = [];
  const format = formatOf(schema);
  if (!isInRange(value, schema.type, format)) {
    const kind = `${schema.type} ${format === undefined ? '(default format)' : `with format ${format}`}`;
    errors.push(ofWhole(`Checked value must be of type ${kind} in ${shown(path)}`));
  }
  errors.push(...checkMultiple(value, multipleOf, path));
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    errors.push(
      wrong(path, value, `should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`),
    );
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    errors.push(
      wrong(path, value, `should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`),
    );
  return errors;
}

function checkEnum(value: unknown, schema: JsonSchema, path: Path): FieldError[] {
  const { enum: allowed } = schema;
  if (!allowed?.length || allowed.some((a) => equalJson(a, value))) return [];
  const names = allowed.map((a) => (typeof a === 'string' ? a : JSON.stringify(a)));
  return [notSupported(shown(path), value, names)];
}

function checkList(list: readonly unknown[], schema: JsonSchema, path: Path, at?: Correlation): Result {
  const { items, minItems, maxItems } = schema;
  const result = new Result();
  if (items !== undefined)
    list.forEach((item, i) => {
      result.merge(check(item, items, `${path}[${i}]`, at?.item(i)));
    });
  if (minItems !== undefined && list.length < minItems)
    result.add(wrong(path, list.length, `should have at least ${minItems} items`));
  if (maxItems !== undefined && list.length > maxItems)
    result.add(tooMany(shown(path), list.length, maxItems));
  result.matches++;
  return result;
}

/** A field of the root that says what kind it is has to be right, changed or not. */
const correlated = (path: Path, key: string, at?: Correlation) =>
  path === '' && (key === 'apiVersion' || key === 'kind') ? undefined : at?.member(key);

function checkMembers(
  object: Record<string, unknown>,
  schema: JsonSchema,
  path: Path,
  at?: Correlation,
): Result {
  const { properties = {}, additionalProperties: others } = schema;
  const result = new Result();
  for (const key of Object.keys(object)) {
    if (Object.hasOwn(properties, key)) continue;
    if (others === false)
      result.add(
        invalidValue(shown(path), key, `${body(`${shown(path)}.${key}`, 'is a forbidden property')}`),
      );
    else if (typeof others === 'object')
      result.merge(check(object[key], others, `${path}.${key}`, at?.member(key)));
  }
  for (const [key, property] of Object.entries(properties)) {
    if (object[key] !== undefined)
      result.merge(check(object[key], property, `${path}.${key}`, correlated(path, key, at)));
  }
  for (const key of schema.required ?? [])
    if (object[key] === undefined) result.add(required(shown(`${path}.${key}`)));
  return result;
}

function checkObject(
  object: Record<string, unknown>,
  schema: JsonSchema,
  path: Path,
  at?: Correlation,
): Result {
  const { minProperties, maxProperties } = schema;
  const size = Object.keys(object).length;
  const result = new Result();
  if (minProperties !== undefined && size < minProperties)
    result.add(wrong(path, size, `should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && size > maxProperties)
    result.add(tooMany(shown(path), size, maxProperties));
  result.merge(checkMembers(object, schema, path, at));
  return result;
}

/** Of several that failed, the one that held most. */
function best(results: readonly Result[]): Result {
  return results.reduce((a, b) => (b.matches > a.matches ? b : a));
}

function checkAnyOf(value: unknown, schema: JsonSchema, path: Path, at?: Correlation): Result {
  const result = new Result();
  const failures: Result[] = [];
  for (const option of schema.anyOf!) {
    const tried = check(value, option, path, at);
    if (tried.valid) return tried;
    failures.push(tried);
  }
  result.add(ofWhole(`${JSON.stringify(shown(path))} must validate at least one schema (anyOf)`));
  result.merge(best(failures));
  return result;
}

function checkOneOf(value: unknown, schema: JsonSchema, path: Path, at?: Correlation): Result {
  const tried = schema.oneOf!.map((option) => check(value, option, path, at));
  const holding = tried.filter((t) => t.valid);
  if (holding.length === 1) return holding[0]!;
  const result = new Result();
  const count = holding.length === 0 ? 'Found none valid' : `Found ${holding.length} valid alternatives`;
  result.add(
    ofWhole(`${JSON.stringify(shown(path))} must validate one and only one schema (oneOf). ${count}`),
  );
  if (holding.length === 0) result.merge(best(tried));
  return result;
}

function checkAllOf(value: unknown, schema: JsonSchema, path: Path, at?: Correlation): Result {
  const result = new Result();
  const tried = schema.allOf!.map((part) => check(value, part, path, at));
  for (const part of tried) result.merge(part);
  if (tried.every((t) => t.valid)) return result;
  const none = tried.some((t) => t.valid) ? '' : '. None validated';
  result.add(ofWhole(`${JSON.stringify(shown(path))} must validate all the schemas (allOf)${none}`));
  return result;
}

function checkJunctors(value: unknown, schema: JsonSchema, path: Path, at?: Correlation): Result {
  const result = new Result();
  if (schema.anyOf?.length) result.merge(checkAnyOf(value, schema, path, at));
  if (schema.oneOf?.length) result.merge(checkOneOf(value, schema, path, at));
  if (schema.allOf?.length) result.merge(checkAllOf(value, schema, path, at));
  if (schema.not && check(value, schema.not, path, at).valid)
    result.add(ofWhole(`${JSON.stringify(shown(path))} must not validate the schema (not)`));
  result.matches++;
  return result;
}

function checkShape(value: unknown, schema: JsonSchema, path: Path, at?: Correlation): Result {
  const result = new Result();
  if (typeof value === 'string') {
    result.add(...checkText(value, schema, path), ...checkFormat(value, schema, path));
    result.matches += schema.format && hasFormat(schema.format, '') !== undefined ? 2 : 1;
  } else if (typeof value === 'number') {
    result.add(...checkNumber(value, schema, path));
    result.matches += 2;
  } else if (Array.isArray(value)) {
    result.merge(checkList(value, schema, path, at));
    result.matches++;
  } else if (isJsonObject(value)) {
    result.merge(checkObject(value, schema, path, at));
    result.matches++;
  }
  return result;
}

function check(value: unknown, schema: JsonSchema, path: Path, at?: Correlation): Result {
  const result = checkType(value, schema, path);
  if (typesOf(schema).length > 0 || schema.format) result.matches++;
  if (value !== null) {
    result.merge(checkJunctors(value, schema, path, at));
    result.merge(checkShape(value, schema, path, at));
    result.matches += 3;
  }
  result.add(...checkEnum(value, schema, path));
  return !result.valid && at?.unchanged ? tolerated(result) : result;
}

/** What has not changed may be wrong. */
function tolerated({ matches }: Result): Result {
  const result = new Result();
  result.matches = matches;
  return result;
}

/** `field` is where the value is: '' for a whole resource; messages name what is below it. With a correlation, what is as it was before is not blamed. */
export function validateValue(
  value: unknown,
  schema: JsonSchema,
  { field = '', correlation }: { field?: string; correlation?: Correlation } = {},
): FieldError[] {
  const root = field || '<nil>';
  return check(value, schema, '', correlation).errors.map((error) => ({
    ...error,
    field: error.field === '' || error.field === '<nil>' ? root : childPath(field, error.field),
  }));
}
