/**
 * The syntax of names, labels and ports, with the messages of apimachinery's util/validation. Each rule gives
 * what is wrong with a value, or nothing.
 */
import { tryParseIp } from '../../../net/ip.ts';

export type NameRule = (value: string) => string[];

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelPattern = new RegExp(`^${label}$`);
const subdomainPattern = new RegExp(`^${label}(\\.${label})*$`);
const qualifiedPattern = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const valuePattern = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const portNamePattern = /^[-a-z0-9]+$/;
const environmentNamePattern = /^[ -<>-~]+$/;

const tooLong = (max: number) => `must be no more than ${max} bytes`;
const regexDetail = (message: string, regex: string, ...examples: string[]) =>
  `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${regex}')`;

/** RFC 1123 label: namespaces, pods' hostnames, container and volume names. */
export const isDnsLabel: NameRule = (value) => [
  ...(value.length > 63 ? [tooLong(63)] : []),
  ...(labelPattern.test(value)
    ? []
    : [
        regexDetail(
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
          label,
          'my-name',
          '123-abc',
        ),
      ]),
];

const startingLabel = '[a-z]([-a-z0-9]*[a-z0-9])?';

/** RFC 1035 label: names that begin with a letter. */
export const isDns1035Label: NameRule = (value) => [
  ...(value.length > 63 ? ['must be no more than 63 characters'] : []),
  ...(new RegExp(`^${startingLabel}$`).test(value)
    ? []
    : [
        regexDetail(
          "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
          startingLabel,
          'my-name',
          'abc-123',
        ),
      ]),
];

/** RFC 1123 subdomain: most objects' names. */
export const isDnsSubdomain: NameRule = (value) => [
  ...(value.length > 253 ? [tooLong(253)] : []),
  ...(subdomainPattern.test(value)
    ? []
    : [
        regexDetail(
          "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
          `${label}(\\.${label})*`,
          'example.com',
        ),
      ]),
];

/** A domain whose first label is `*`: hosts of Ingresses. */
export const isWildcardDomain: NameRule = (value) => [
  ...(value.length > 253 ? [tooLong(253)] : []),
  ...(value.startsWith('*.') && subdomainPattern.test(value.slice(2))
    ? []
    : [
        regexDetail(
          "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
          `\\*\\.${label}(\\.${label})*`,
          '*.example.com',
        ),
      ]),
];

/** RBAC names: anything that fits in one path segment. */
export const isPathSegment: NameRule = (value) => [
  ...(value === '.' || value === '..' ? [`may not be '${value}'`] : []),
  ...['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`),
];

/** Keys of labels and annotations, names of finalizers: `prefix/name`. */
export const isQualifiedName: NameRule = (value) => {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${regexDetail("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]', 'MyName', 'my.name', '123-abc')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else errors.push(...isDnsSubdomain(parts[0]!).map((e) => `prefix part ${e}`));
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push(`name part ${tooLong(63)}`);
  if (!qualifiedPattern.test(name)) {
    errors.push(
      `name part ${regexDetail("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]', 'MyName', 'my.name', '123-abc')}`,
    );
  }
  return errors;
};

export const isLabelValue: NameRule = (value) => [
  ...(value.length > 63 ? [tooLong(63)] : []),
  ...(valuePattern.test(value)
    ? []
    : [
        regexDetail(
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
          '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?',
          'MyValue',
          'my_value',
          '12345',
        ),
      ]),
];

/** IANA service name: named container ports and targetPorts. */
export const isPortName: NameRule = (value) => [
  ...(value.length > 15 ? ['must be no more than 15 characters'] : []),
  ...(portNamePattern.test(value)
    ? []
    : ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)']),
  ...(/[a-z]/.test(value) ? [] : ['must contain at least one letter (a-z)']),
  ...(value.includes('--') ? ['must not contain consecutive hyphens'] : []),
  ...(value.startsWith('-') || value.endsWith('-') ? ['must not begin or end with a hyphen'] : []),
];

export const isEnvironmentName: NameRule = (value) =>
  environmentNamePattern.test(value)
    ? []
    : ["environment variable names must be printable ASCII characters and not contain '='"];

export const isConfigMapKey: NameRule = (value) => [
  ...(value.length > 253 ? [tooLong(253)] : []),
  ...(/^[-._a-zA-Z0-9]+$/.test(value)
    ? []
    : [
        regexDetail(
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
          '[-._a-zA-Z0-9]+',
          'key.name',
          'KEY_NAME',
          'key-name',
        ),
      ]),
  ...(value === '.' || value === '..' || value.startsWith('..') ? [`must not be '${value}'`] : []),
];

export const isIpAddress: NameRule = (value) =>
  tryParseIp(value) === undefined ? ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'] : [];

export const isPortNumber = (value: number): string[] =>
  value >= 1 && value <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
