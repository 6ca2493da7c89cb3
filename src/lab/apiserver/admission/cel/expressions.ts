/**
 * Admission's expressions: compiled with the variables of a request, and evaluated with their values (apiserver,
 * admission/plugin/cel). All environments are copies of one, so that a request is converted once for all of them.
 */
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { OutOfBudget } from '../../customresources/cel/cost.ts';
import { createEnvironment } from '../../customresources/cel/environment.ts';
import {
  compileTyped,
  type Expression,
  ExpressionError,
  typeText,
} from '../../customresources/cel/expression.ts';
import { registerLibrary } from '../../customresources/cel/library/library.ts';
import { rewriteMessages } from '../../customresources/cel/message-syntax.ts';
import { type DeclaredType, TypeDeclarations } from '../../customresources/cel/types.ts';
import type { JsonSchema } from '../../customresources/schema/json-schema.ts';
import { authorizerFunctions, authorizerTypes, authorizerVariable } from './authorizer-library.ts';
import { declareMessages, patchFunctions } from './patch-types.ts';
import { namespaceSchema, requestSchema } from './types.ts';

interface Common {
  environment: Environment;
  request: DeclaredType;
  namespace: DeclaredType;
  anything: DeclaredType;
}

let common: Common | undefined;

function commonEnvironment(): Common {
  if (common !== undefined) return common;
  const environment = createEnvironment();
  const types = new TypeDeclarations(environment);
  const request = types.declare(requestSchema, 'kubernetes.AdmissionRequest', false)!;
  const namespace = types.declare(namespaceSchema, 'kubernetes.Namespace', false)!;
  const anything = types.declare({ 'x-kubernetes-int-or-string': true }, 'anything', false)!;
  registerLibrary(environment, authorizerTypes);
  const { type, ctor, fields } = authorizerVariable;
  environment.registerType(type, { ctor, fields });
  registerLibrary(environment, authorizerFunctions);
  registerLibrary(environment, patchFunctions);
  common = { environment, request, namespace, anything };
  return common;
}

/** What a request is evaluated with, as JSON; null for what there is none of. */
export interface RequestValues {
  object: unknown;
  oldObject: unknown;
  request: unknown;
  namespaceObject: unknown;
  params?: unknown;
  /** Of authorizerValue(). */
  authorizer?: object;
}

export type Bindings = Record<string, unknown>;

/** The values as expressions take them. */
export function bindingsOf(values: RequestValues): Bindings {
  const { request, namespace, anything } = commonEnvironment();
  const known = new Map();
  const plain = (value: unknown) => (value == null ? null : anything.convert(value, known));
  return {
    object: plain(values.object),
    oldObject: plain(values.oldObject),
    request: request.convert(values.request, known),
    namespaceObject: values.namespaceObject == null ? null : namespace.convert(values.namespaceObject, known),
    params: plain(values.params),
    ...(values.authorizer && { authorizer: values.authorizer }),
  };
}

/** Holds a policy's own variables; a field is computed when it is first read. */
class Variables {}

const variablesType = 'kubernetes.variables';

/** Which variables there are beside those of every expression. */
export interface CompileOptions {
  /** The types that it may come to; any when absent. */
  types?: readonly string[];
  authorizer: boolean;
  /** Whether it may construct what patches are made of: `Object{…}`, `JSONPatch{…}`. */
  patches?: boolean;
}

interface KnownType {
  /** Names the type in what is said of it. */
  kind: string;
  schema: JsonSchema;
}

/** What objects and parameters are made of, where that is to be checked. */
export interface KnownTypes {
  object: KnownType;
  params: KnownType | undefined;
}

/** Compiles the expressions of one policy or webhook. */
export class AdmissionCompiler {
  readonly #params: boolean;
  readonly #base: Environment;
  /** The types of what there is a schema for. */
  readonly #types: { object: string; params: string };
  readonly #variables = new Map<string, { type: string; expression: Expression }>();
  readonly #environments = new Map<string, Environment>();

  constructor({ params, types }: { params: boolean; types?: KnownTypes }) {
    this.#params = params;
    const { environment } = commonEnvironment();
    this.#base = types === undefined ? environment : environment.clone();
    const declarations = new TypeDeclarations(this.#base);
    const declared = (of: KnownType | undefined) =>
      (of && declarations.declare(of.schema, of.kind, false)?.name) ?? 'dyn';
    this.#types = { object: declared(types?.object), params: declared(types?.params) };
  }

  #environment(authorizer: boolean, namespaceType: string): Environment {
    const key = `${authorizer} ${namespaceType}`;
    let environment = this.#environments.get(key);
    if (environment !== undefined) return environment;
    const { request } = commonEnvironment();
    environment = this.#base.clone();
    if (this.#variables.size > 0) {
      const fields = Object.fromEntries([...this.#variables].map(([name, { type }]) => [name, type]));
      environment.registerType(variablesType, { ctor: Variables, fields });
      environment.registerVariable('variables', variablesType);
    }
    environment
      .registerVariable('object', this.#types.object)
      .registerVariable('oldObject', this.#types.object)
      .registerVariable('request', request.name)
      .registerVariable('namespaceObject', namespaceType);
    if (this.#params) environment.registerVariable('params', this.#types.params);
    if (authorizer) environment.registerVariable('authorizer', authorizerVariable.type);
    this.#environments.set(key, environment);
    return environment;
  }

  #compile(
    source: string,
    { authorizer, patches = false }: CompileOptions,
  ): { type: string; expression: Expression } {
    const { namespace } = commonEnvironment();
    const read = patches ? rewriteMessages(source) : undefined;
    const within = (environment: Environment) =>
      read === undefined ? environment : declareMessages(environment.clone(), read.types);
    const compileIn = (namespaceType: string) =>
      compileTyped(within(this.#environment(authorizer, namespaceType)), source, read);
    const typed = compileIn(namespace.name);
    if (!typed.expression.uses('namespaceObject')) return typed;
    // Objects of the cluster have none, which no value of the type is.
    return { type: typed.type, expression: compileIn('dyn').expression };
  }

  /** Throws ExpressionError: what does not compile, or comes to none of the types. */
  compile(source: string, options: CompileOptions): Expression {
    const { types = [] } = options;
    const { expression, type } = this.#compile(source, options);
    if (types.length === 0 || types.includes(type)) return expression;
    const wanted = types.length === 1 ? typeText(types[0]!) : `one of [${types.join(' ')}]`;
    throw new ExpressionError(`must evaluate to ${wanted} but got ${typeText(type)}`);
  }

  /** Makes `variables.NAME` known to what is compiled after it. Throws ExpressionError. */
  declareVariable(name: string, source: string): void {
    this.#variables.set(name, this.#compile(source, { authorizer: true }));
    this.#environments.clear();
  }

  /** The same for one that may not compile: nothing is known of its type then. */
  declareVariableIfRight(name: string, source: string): void {
    try {
      this.declareVariable(name, source);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.declareVariable(name, 'dyn(null)');
    }
  }

  /** The bindings with the policy's own variables among them, none of which is computed yet. */
  withVariables(bindings: Bindings): Bindings {
    if (this.#variables.size === 0) return bindings;
    const variables = new Variables();
    const all = { ...bindings, variables };
    for (const [name, { expression }] of this.#variables) {
      let result: { value: unknown } | undefined;
      const get = () => {
        result ??= { value: computed(name, expression, all) };
        return result.value;
      };
      Object.defineProperty(variables, name, { get, enumerable: true });
    }
    return all;
  }
}

function computed(name: string, expression: Expression, bindings: Bindings): unknown {
  try {
    return expression.evaluate(bindings);
  } catch (error) {
    if (error instanceof OutOfBudget) throw error;
    throw new ExpressionError(
      `composited variable ${JSON.stringify(name)} fails to evaluate: ${(error as Error).message}`,
    );
  }
}
