/** The names of a custom resource. */
import { type FieldError, invalidValue, required } from '../../validation/field-error.ts';
import { isDns1035Label } from '../../validation/names.ts';
import type { Names } from './definition.ts';

const field = 'spec.names';

function validateLabel(key: string, name: string | undefined, mixedCase: boolean): FieldError[] {
  if (!name) return [];
  const wrong = isDns1035Label(mixedCase ? name.toLowerCase() : name);
  if (wrong.length === 0) return [];
  const prefix = mixedCase ? 'may have mixed case, but should otherwise match: ' : '';
  return [invalidValue(`${field}.${key}`, name, prefix + wrong.join(','))];
}

export function validateNames(names: Partial<Names>): FieldError[] {
  const needed = ['plural', 'singular', 'kind', 'listKind'] as const;
  const each = (key: 'shortNames' | 'categories') =>
    (names[key] ?? []).flatMap((name, i) => validateLabel(`${key}[${i}]`, name, false));
  const same = names.kind && names.kind === names.listKind;
  return [
    ...needed.filter((key) => !names[key]).map((key) => required(`${field}.${key}`)),
    ...validateLabel('plural', names.plural, false),
    ...validateLabel('singular', names.singular, false),
    ...validateLabel('kind', names.kind, true),
    ...validateLabel('listKind', names.listKind, true),
    ...each('shortNames'),
    ...(same
      ? [invalidValue(`${field}.listKind`, names.listKind, 'kind and listKind may not be the same')]
      : []),
    ...each('categories'),
  ];
}
