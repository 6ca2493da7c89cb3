/** The environment of Kubernetes 1.36 for rules of custom resources: the language, with the libraries of the API server. */
import { Environment } from '@marcbachmann/cel-js/evaluator';
import { equalValues } from './equality.ts';
import { addresses } from './library/addresses.ts';
import { collections } from './library/collections.ts';
import { namedFormats } from './library/formats.ts';
import { registerLibrary } from './library/library.ts';
import { registerMacros } from './library/macros.ts';
import { optionals } from './library/optionals.ts';
import { quantities } from './library/quantities.ts';
import { texts } from './library/texts.ts';
import { urls } from './library/urls.ts';
import { versions } from './library/versions.ts';

const libraries = [texts, collections, optionals, addresses, urls, quantities, versions, namedFormats];

let base: Environment | undefined;

/** A private copy. */
export function createEnvironment(): Environment {
  if (base === undefined) {
    base = new Environment({ enableOptionalTypes: true });
    for (const library of libraries) registerLibrary(base, library);
    registerMacros(base);
    base
      .registerOperator('optional<T> == optional<T>', equalValues)
      .registerOperator('optional == null', equalValues)
      .registerOperator('google.protobuf.Duration == null', equalValues)
      .registerOperator('google.protobuf.Timestamp == null', equalValues);
  }
  return base.clone();
}
