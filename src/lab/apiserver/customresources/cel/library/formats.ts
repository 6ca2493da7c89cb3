/** format.NAME().validate(text): what is wrong with a text, if anything (apiserver, cel/library/format.go). */
import { Optional } from '@marcbachmann/cel-js';
import {
  isDns1035Label,
  isDnsLabel,
  isDnsSubdomain,
  isLabelValue,
  isQualifiedName,
  type NameRule,
} from '../../../validation/names.ts';
import { hasFormat } from '../../schema/formats.ts';
import type { Functions, Library } from './library.ts';

class Format {
  readonly name: string;
  readonly rule: NameRule;

  constructor(name: string, rule: NameRule) {
    this.name = name;
    this.rule = rule;
  }

  equals(other: unknown): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

/** What may come before the suffix of a generated name. */
const asPrefix =
  (rule: NameRule): NameRule =>
  (text) =>
    rule(text.length > 1 ? text.replace(/-$/, 'a') : text);

const known =
  (format: string, complaint: string): NameRule =>
  (text) =>
    hasFormat(format, text) ? [] : [complaint];

const rules: Record<string, NameRule> = {
  dns1123Label: isDnsLabel,
  dns1123Subdomain: isDnsSubdomain,
  dns1035Label: isDns1035Label,
  qualifiedName: isQualifiedName,
  dns1123LabelPrefix: asPrefix(isDnsLabel),
  dns1123SubdomainPrefix: asPrefix(isDnsSubdomain),
  dns1035LabelPrefix: asPrefix(isDns1035Label),
  labelValue: isLabelValue,
  uri: known('uri', 'invalid URI for request'),
  uuid: known('uuid', 'does not match the UUID format'),
  byte: known('byte', 'invalid base64'),
  date: known('date', 'invalid date'),
  datetime: known('datetime', 'invalid datetime'),
};

const type = 'kubernetes.NamedFormat';
const formats = new Map(Object.entries(rules).map(([name, rule]) => [name, new Format(name, rule)]));
const constants: Functions = Object.fromEntries(
  [...formats].map(([name, format]) => [`${name}(): ${type}`, () => format]),
);

function complaints({ rule }: Format, text: string): Optional {
  const found = rule(text);
  return found.length === 0 ? Optional.none() : Optional.of(found);
}

export const namedFormats: Library = {
  types: { [type]: Format },
  namespaces: {
    format: {
      ...constants,
      [`named(string): optional<${type}>`]: (name: string) => {
        const format = formats.get(name);
        return format === undefined ? Optional.none() : Optional.of(format);
      },
    },
  },
  functions: { [`${type}.validate(string): optional<list<string>>`]: complaints },
};
