/** Paths into a schema, as fieldPath of rules and jsonPath of selectable fields write them: `.spec.a`, `.labels['x.y']`. */
import { type JsonSchema, valuesOf } from './json-schema.ts';

const step = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]|([^.[\]]+|[\s\S])/y;

function next(schema: JsonSchema, name: string): JsonSchema | undefined {
  if (schema.properties) return Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  return valuesOf(schema);
}

/** The schema at a path; the result is a text where there is none: why. */
export function schemaAt(
  root: JsonSchema | undefined,
  path: string,
  { indexes = true }: { indexes?: boolean } = {},
): JsonSchema | string {
  let at = root ?? {};
  step.lastIndex = 0;
  while (step.lastIndex < path.length) {
    const [, name, quoted, other] = step.exec(path)!;
    if (other !== undefined) return `expected [ or . but got: ${other}`;
    if (quoted !== undefined && !indexes) return 'array notation is not allowed';
    const found = next(at, name ?? quoted!.replaceAll(/\\(['\\])/g, '$1'));
    if (found === undefined) return 'does not refer to a valid field';
    at = found;
  }
  return at;
}

/** As errors show it: `.m[a.b]` for `.m['a.b']`. */
export const normalFieldPath = (path = ''): string =>
  path.replaceAll(/\['((?:[^'\\]|\\.)*)'\]/g, (_, key: string) => `[${key.replaceAll(/\\(.)/g, '$1')}]`);
