/** semver() (apiserver, cel/library/semverlib.go): semantic versions 2.0.0. */
import type { Library } from './library.ts';

const number = '(?:0|[1-9]\\d*)';
const pattern = new RegExp(
  `^(${number})\\.(${number})\\.(${number})(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
const isNumber = (part: string) => /^\d+$/.test(part);

class Semver {
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];

  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }

  compare(other: Semver): number {
    for (const [i, n] of this.numbers.entries()) {
      const m = other.numbers[i]!;
      if (n !== m) return n < m ? -1 : 1;
    }
    return comparePrereleases(this.prerelease, other.prerelease);
  }

  equals(other: unknown): boolean {
    return other instanceof Semver && this.compare(other) === 0;
  }
}

/** A release comes after its prereleases; numbers come before words. */
function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = comparePart(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

function comparePart(a: string, b: string): number {
  if (isNumber(a) && isNumber(b)) return Math.sign(Number(BigInt(a) - BigInt(b)));
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}

/** `v1` is 1.0.0, and zeros may lead. */
function normalized(text: string): string {
  const parts = text.replace(/^v/, '').split('.');
  const [major = '', minor, ...patch] = parts;
  const rest = patch.length > 0 ? patch.join('.') : undefined;
  const trimmed = [major, minor, rest].flatMap((part) =>
    part === undefined ? [] : [part.length > 1 ? part.replace(/^0+(?!$|\D)/, '') : part],
  );
  if (trimmed.length >= 3 || /[+-]/.test(trimmed.at(-1)!)) return trimmed.join('.');
  return [...trimmed, '0', '0'].slice(0, 3).join('.');
}

function readVersion(text: string, normalize = false): Semver | undefined {
  const match = pattern.exec(normalize ? normalized(text) : text);
  if (match === null) return undefined;
  const prerelease = match[4]?.split('.') ?? [];
  if (prerelease.some((part) => isNumber(part) && part.length > 1 && part.startsWith('0'))) return undefined;
  return new Semver(match.slice(1, 4).map(BigInt), prerelease);
}

function toVersion(text: string, normalize = false): Semver {
  const version = readVersion(text, normalize);
  if (version === undefined) throw new Error(`${JSON.stringify(text)} is no semantic version`);
  return version;
}

const type = 'kubernetes.Semver';

export const versions: Library = {
  types: { [type]: Semver },
  functions: {
    [`semver(string): ${type}`]: (text: string) => toVersion(text),
    [`semver(string, bool): ${type}`]: toVersion,
    'isSemver(string): bool': (text: string) => readVersion(text) !== undefined,
    'isSemver(string, bool): bool': (text: string, normalize: boolean) =>
      readVersion(text, normalize) !== undefined,
    [`${type}.isGreaterThan(${type}): bool`]: (a: Semver, b: Semver) => a.compare(b) > 0,
    [`${type}.isLessThan(${type}): bool`]: (a: Semver, b: Semver) => a.compare(b) < 0,
    [`${type}.compareTo(${type}): int`]: (a: Semver, b: Semver) => BigInt(a.compare(b)),
    [`${type}.major(): int`]: ({ numbers }: Semver) => numbers[0],
    [`${type}.minor(): int`]: ({ numbers }: Semver) => numbers[1],
    [`${type}.patch(): int`]: ({ numbers }: Semver) => numbers[2],
  },
};
