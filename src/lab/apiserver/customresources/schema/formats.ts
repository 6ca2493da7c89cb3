/** The formats of texts that kube-apiserver checks (kube-openapi, validation/strfmt); others are only told. */
import { isIPv4, isIPv6 } from 'node:net';
import { goRegExp } from './patterns.ts';

const matches = (pattern: string) => (text: string) => goRegExp(pattern).test(text);

const hostname =
  '^([a-zA-Z0-9\\p{S}\\p{L}]((-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?)|([a-zA-Z0-9\\p{S}\\p{L}](([a-zA-Z0-9-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?)(\\.)){1,}([a-zA-Z\\p{L}]){2,63})$';

const isHostname = (text: string) =>
  matches(hostname)(text) && text.length <= 255 && text.split('.').every((label) => label.length <= 63);

const uuid = (third: string, fourth: string) =>
  matches(`(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?${third}[0-9a-f]{3}-?${fourth}[0-9a-f]{3}-?[0-9a-f]{12}$`);

/** As Go's sloppy parser: zeros may lead. */
const withoutLeadingZeros = (text: string) => text.replace(/(^|\.)0+(?=\d)/g, '$1');

function isCidr(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  if (isIPv4(withoutLeadingZeros(address))) return Number(prefix) <= 32;
  return isIPv6(address) && !address.includes('%') && Number(prefix) <= 128;
}

const mac =
  /^([0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\3){6}[0-9A-Fa-f]{2})|(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\4){18}[0-9A-Fa-f]{2})|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}|(?:[0-9A-Fa-f]{4}\.){3}[0-9A-Fa-f]{4}|(?:[0-9A-Fa-f]{4}\.){9}[0-9A-Fa-f]{4})$/;

function isRequestUri(text: string): boolean {
  if (text === '' || !(text.startsWith('/') || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text))) return false;
  return text.startsWith('/') ? !/[\s<>"\\^`{|}]/.test(text) : URL.canParse(text);
}

export function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (parts === null) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCFullYear(year);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function isDateTime(text: string): boolean {
  const [date = '', time] = text.toLowerCase().split('t');
  const parts = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))/.exec(time ?? '');
  return isDate(date) && parts !== null && parts[1]! <= '23' && parts[2]! <= '59' && parts[3]! <= '59';
}

const goDuration = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const wordedDuration = /\d+\s*(?:ns|nano|us|µs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|wk|week)/i;

/** The check digits of ISBN-10 and ISBN-13. */
function isIsbn(digits: 10 | 13): (text: string) => boolean {
  return (text) => {
    const bare = text.replaceAll(/[\s-]+/g, '');
    if (!(digits === 10 ? /^\d{9}[\dX]$/ : /^\d{13}$/).test(bare)) return false;
    const values = [...bare].map((c) => (c === 'X' ? 10 : Number(c)));
    if (digits === 10) return values.reduce((sum, v, i) => sum + (i + 1) * v, 0) % 11 === 0;
    return values.reduce((sum, v, i) => sum + (i % 2 === 0 ? 1 : 3) * v, 0) % 10 === 0;
  };
}

/** Luhn's check digit. */
function isCreditCard(text: string): boolean {
  const digits = [...text.replaceAll(/[^0-9]+/g, '')].map(Number).reverse();
  const sum = digits.reduce((s, d, i) => s + (i % 2 === 0 ? d : d * 2 > 9 ? d * 2 - 9 : d * 2), 0);
  return digits.length >= 13 && digits.length <= 16 && sum % 10 === 0;
}

const rgb =
  /^rgb\(\s*(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\s*\)$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** By name without hyphens: `date-time` and `datetime` are one. */
const formats: Record<string, (text: string) => boolean> = {
  bsonobjectid: (text) => /^[0-9a-fA-F]{24}$/.test(text),
  uri: isRequestUri,
  email: (text) => /^(?:[^<>]*<)?[^\s@<>,]+@[^\s@<>,]+>?$/.test(text),
  hostname: isHostname,
  ipv4: (text) => text.includes('.') && (isIPv4(withoutLeadingZeros(text)) || isIPv6(text)),
  ipv6: (text) => isIPv6(text) && !text.includes('%'),
  cidr: isCidr,
  mac: (text) => mac.test(text),
  uuid: uuid('[0-9a-f]', '[0-9a-f]'),
  uuid3: uuid('3', '[0-9a-f]'),
  uuid4: uuid('4', '[89ab]'),
  uuid5: uuid('5', '[89ab]'),
  isbn: (text) => isIsbn(10)(text) || isIsbn(13)(text),
  isbn10: isIsbn(10),
  isbn13: isIsbn(13),
  creditcard: isCreditCard,
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: (text) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: (text) => rgb.test(text),
  byte: (text) => base64.test(text),
  password: () => true,
  date: isDate,
  duration: (text) => goDuration.test(text) || wordedDuration.test(text),
  datetime: isDateTime,
  k8sshortname: (text) => text.length <= 63 && label.test(text),
  k8slongname: (text) => text.length <= 253 && text.split('.').every((part) => label.test(part)),
};

const numeric: Record<string, readonly string[]> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/** Whether a format means something for a type; one that does not is left alone. */
export function isKnownFormat(type: string | undefined, format: string): boolean {
  if (type === undefined || type === '' || type === 'string')
    return Object.hasOwn(formats, format.replaceAll('-', ''));
  return numeric[type]?.includes(format) ?? false;
}

/** Whether a text has a format; undefined for a format of texts that is not known. */
export function hasFormat(format: string, text: string): boolean | undefined {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(formats, name) ? formats[name]!(text) : undefined;
}
