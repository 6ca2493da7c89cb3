/**
 * Domain names on the wire (RFC 1035, sections 3.1 and 4.1.4). In memory a name is its labels joined by dots,
 * without a final dot ('' is the root); a dot, a backslash or a byte that is not printable ASCII inside a label
 * is written as in RFC 4343, section 2.1 (`\.`, `\\`, `\DDD`). Case is kept; compare with `sameName`.
 */
import { TendrilError } from '../../util/errors.ts';
import { maxLabelBytes, maxNameBytes } from './constants.ts';

const pointerBits = 0xc0;

export function malformed(what: string): TendrilError {
  return new TendrilError('BAD_INPUT', `malformed DNS message: ${what}`);
}

/** Lower case and without a final dot: the form that keys and comparisons use. */
export function canonicalName(name: string): string {
  return (name.endsWith('.') && !name.endsWith('\\.') ? name.slice(0, -1) : name).toLowerCase();
}

export function sameName(a: string, b: string): boolean {
  return canonicalName(a) === canonicalName(b);
}

/** True where `name` is `zone` or below it; both canonical. */
export function isBelow(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`);
}

/** The labels' bytes, escapes resolved. @throws BAD_INPUT for empty or long labels and long names */
export function labelsOf(name: string): Uint8Array[] {
  if (name === '' || name === '.') return [];
  const labels: number[][] = [[]];
  for (let i = 0; i < name.length; i++) {
    const char = name[i]!;
    if (char === '.' && i === name.length - 1) break;
    if (char === '.') labels.push([]);
    else if (char !== '\\') labels.at(-1)!.push(name.charCodeAt(i) & 0xff);
    else if (/^\d{3}/.test(name.slice(i + 1, i + 4))) {
      labels.at(-1)!.push(Number(name.slice(i + 1, i + 4)) & 0xff);
      i += 3;
    } else labels.at(-1)!.push(name.charCodeAt(++i) & 0xff);
  }
  const bytes = labels.map((label) => Uint8Array.from(label));
  const length = bytes.reduce((sum, label) => sum + label.length + 1, 1);
  if (bytes.some((label) => label.length === 0 || label.length > maxLabelBytes) || length > maxNameBytes) {
    throw malformed(`"${name}" is no domain name`);
  }
  return bytes;
}

function labelText(message: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = message[i]!;
    if (byte === 0x2e || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString().padStart(3, '0')}`;
  }
  return text;
}

/**
 * Reads the name at an offset; `next` is the offset behind it. A compression pointer must point further back
 * than anything read so far, which makes loops impossible.
 */
export function decodeName(message: Uint8Array, offset: number): { name: string; next: number } {
  let name = '';
  let next: number | undefined;
  let at = offset;
  let floor = offset;
  let length = 1;
  for (;;) {
    const head = message[at];
    if (head === undefined) throw malformed('a name runs past the end');
    if (head === 0) return { name, next: next ?? at + 1 };
    if ((head & pointerBits) === pointerBits) {
      const low = message[at + 1];
      if (low === undefined) throw malformed('a name runs past the end');
      const target = ((head & ~pointerBits) << 8) | low;
      if (target >= floor) throw malformed('a compression pointer does not point back');
      next ??= at + 2;
      floor = target;
      at = target;
    } else {
      if (head > maxLabelBytes) throw malformed('a label of an unknown kind');
      if (at + 1 + head > message.length) throw malformed('a name runs past the end');
      length += head + 1;
      if (length > maxNameBytes) throw malformed('a name of more than 255 bytes');
      const label = labelText(message, at + 1, at + 1 + head);
      name = name === '' ? label : `${name}.${label}`;
      at += 1 + head;
    }
  }
}
