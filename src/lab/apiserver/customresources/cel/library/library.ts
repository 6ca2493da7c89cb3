/** Functions beyond the language's own, as a library of them declares them to an environment. */
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { type CelValue, equalValues } from '../equality.ts';

/** By signature: `string.charAt(int): string`. */
// biome-ignore lint/suspicious/noExplicitAny: signatures say the types; the environment has checked them when a function is called.
export type Functions = Record<string, (...args: any[]) => unknown>;

export interface Library {
  /** Types by name, with the class of their values. Values are equal as their method `equals` says. */
  types?: Record<string, new (...args: never[]) => CelValue>;
  /** Functions called through a name: `sets.contains(a, b)`. */
  namespaces?: Record<string, Functions>;
  functions?: Functions;
}

/** Handlers of functions in a namespace are called without it. */
function registerNamespace(environment: Environment, name: string, functions: Functions): void {
  const type = `${name}.Functions`;
  const Namespace = { [type]: class {} }[type]!;
  environment.registerType(type, Namespace);
  environment.registerConstant(name, type, new Namespace());
  for (const [signature, handler] of Object.entries(functions))
    environment.registerFunction(
      `${type}.${signature}`,
      (_: unknown, ...args: unknown[]) => handler(...args),
      {
        async: false,
      },
    );
}

/** Also with null, which no value of such a type is. */
export function registerEquality(environment: Environment, type: string): void {
  environment
    .registerOperator(`${type} == ${type}`, equalValues)
    .registerOperator(`${type} == null`, equalValues);
}

export function registerLibrary(environment: Environment, { types, namespaces, functions }: Library): void {
  for (const [name, ctor] of Object.entries(types ?? {})) {
    environment.registerType(name, ctor);
    registerEquality(environment, name);
  }
  for (const [name, own] of Object.entries(namespaces ?? {})) registerNamespace(environment, name, own);
  for (const [signature, handler] of Object.entries(functions ?? {}))
    environment.registerFunction(signature, handler, { async: false });
}
