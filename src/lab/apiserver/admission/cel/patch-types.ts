/**
 * What expressions of mutating policies make (apiserver, cel/mutation): `Object{…}`, with types named after the fields
 * they are for, and `JSONPatch{…}`.
 */
import { Optional } from '@marcbachmann/cel-js';
import { Duration, type Environment } from '@marcbachmann/cel-js/evaluator';
import { type Library, registerEquality } from '../../customresources/cel/library/library.ts';
import type { CelType, Checker, Evaluator, Node, Scope } from '../../customresources/cel/library/macros.ts';
import { constructing } from '../../customresources/cel/message-syntax.ts';
import { secondsText, timeText } from '../../customresources/cel/time.ts';

/** `jsonpatch.escapeKey`: a key as a JSON pointer has it. */
export const patchFunctions: Library = {
  namespaces: {
    jsonpatch: {
      'escapeKey(string): string': (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'),
    },
  },
};

export const objectType = 'Object';
export const jsonPatchType = 'JSONPatch';

/** A message that an expression has constructed: its fields are its own properties. */
class Message {}

const isObjectType = (name: string) => name === objectType || name.startsWith(`${objectType}.`);

const patchFields: Record<string, string> = { op: 'string', path: 'string', from: 'string', value: 'dyn' };

/** Makes the types known that an expression names; others stay unknown. */
export function declareMessages(environment: Environment, types: ReadonlySet<string>): Environment {
  const classes = new Map<string, new () => object>();
  for (const name of new Set([objectType, jsonPatchType, ...types])) {
    if (!isObjectType(name) && name !== jsonPatchType) continue;
    const ctor = { [name]: class extends Message {} }[name]!;
    classes.set(name, ctor);
    const fields = name === jsonPatchType ? { fields: patchFields } : {};
    environment.registerType(name, { ctor, ...fields } as never);
    registerEquality(environment, name);
  }
  const expand = (call: { args: Node[] }) => construction(call, classes);
  return environment.registerFunction(`${constructing}(string, ast): dyn`, expand as never, { async: false });
}

interface Field {
  name: string;
  optional: boolean;
  value: Node;
}

function fieldsOf(entries: Node): Field[] {
  return (entries.args as [Node, Node][]).map(([key, value]) => {
    const written = String(key.args);
    const optional = written.startsWith('?');
    return { name: optional ? written.slice(1) : written, optional, value };
  });
}

function checkPatchField(checker: Checker, { name, value }: Field, type: CelType): void {
  const wanted = patchFields[name];
  if (wanted === undefined) throw checker.createError('unknown_field', `undefined field '${name}'`, value);
  if (wanted === 'dyn' || type.kind === 'dyn' || type.name === wanted) return;
  const why = `expected type of field '${name}' is '${wanted}' but provided type is '${type.name}'`;
  throw checker.createError('wrong_field', why, value);
}

function construction({ args }: { args: Node[] }, classes: ReadonlyMap<string, new () => object>): object {
  const name = String(args[0]!.args);
  const fields = fieldsOf(args[1]!);
  return {
    async: false,
    typeCheck(checker: Checker, _: unknown, scope: Scope) {
      if (!classes.has(name)) {
        const why = `undeclared reference to '${name}' (in container '')`;
        throw checker.createError('unknown_type', why, args[0]!);
      }
      for (const field of fields) {
        const type = checker.check(field.value, scope);
        if (name === jsonPatchType && !field.optional) checkPatchField(checker, field, type);
      }
      return checker.getType(name);
    },
    evaluate(evaluator: Evaluator, _: unknown, scope: Scope) {
      const message = new (classes.get(name)!)() as Record<string, unknown>;
      for (const { name: field, optional, value } of fields) {
        const given = evaluator.run(value, scope);
        if (!optional) message[field] = given;
        else if (given instanceof Optional && given.hasValue()) message[field] = given.value();
      }
      return message;
    },
  };
}

const typeOf = (message: Message) => message.constructor.name;

/** Types that are not named after the fields that they stand in. */
function mismatches(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => mismatches(item, path));
  if (value instanceof Map) return [...value.values()].flatMap((item) => mismatches(item, path));
  if (!(value instanceof Message)) return [];
  const type = typeOf(value);
  const own =
    type === path
      ? []
      : [
          `unexpected type name "${type}", expected "${path}", which matches field name path from root Object type`,
        ];
  return [
    ...own,
    ...Object.entries(value).flatMap(([field, member]) => mismatches(member, `${path}.${field}`)),
  ];
}

/** Throws an Error where a message within is of a type for another field. */
export function checkTypeNames(value: unknown): void {
  const wrong = value instanceof Message ? mismatches(value, typeOf(value)) : [];
  if (wrong.length > 0) throw new Error(`type mismatch: ${wrong.join('\n')}`);
}

/** A value of an expression as JSON. Throws an Error for a map whose keys are no texts. */
export function jsonOf(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return timeText(value);
  if (value instanceof Duration) return secondsText(value);
  if (value instanceof Optional) return value.hasValue() ? jsonOf(value.value()) : null;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const members = entries.map(([key, member]) => {
    if (typeof key !== 'string') throw new Error(`map key "${key}" is of type ${typeof key}, not string`);
    return [key, jsonOf(member)];
  });
  return Object.fromEntries(members);
}
