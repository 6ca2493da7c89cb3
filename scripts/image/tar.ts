/**
 * Tar archives (POSIX.1-2001, ustar) whose bytes depend on nothing but their entries: no times, no users, and the order
 * that is given.
 */
export type TarEntry = { path: string } & (
  | { type: 'file'; mode: number; body: Buffer }
  | { type: 'directory'; mode: number }
  | { type: 'link'; target: string }
);

const block = 512;
const flags = { file: '0', link: '2', directory: '5' } as const;

/** @throws RangeError for a path or a target that ustar has no room for */
export function encodeTar(entries: readonly TarEntry[]): Buffer {
  const pieces = entries.flatMap((entry) => {
    const body = entry.type === 'file' ? entry.body : Buffer.alloc(0);
    return [encodeHeader(entry, body.length), body, Buffer.alloc(padding(body.length))];
  });
  return Buffer.concat([...pieces, Buffer.alloc(2 * block)]);
}

const padding = (length: number): number => (block - (length % block)) % block;

function encodeHeader(entry: TarEntry, size: number): Buffer {
  const header = Buffer.alloc(block);
  const [prefix, name] = splitPath(entry.type === 'directory' ? `${entry.path}/` : entry.path);
  header.write(name, 0);
  header.write(octal(entry.type === 'link' ? 0o777 : entry.mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write(flags[entry.type], 156);
  if (entry.type === 'link') header.write(fitting(entry.target, 100), 157);
  header.write('ustar\u000000', 257, 'latin1');
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

/** A name of 100 bytes at most, with what is before it, up to a slash, as prefix. */
function splitPath(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  const at = path.indexOf('/', path.length - 101);
  if (at <= 0) throw new RangeError(`too long for a tar archive: ${path}`);
  return [fitting(path.slice(0, at), 155), fitting(path.slice(at + 1), 100)];
}

function fitting(text: string, most: number): string {
  if (Buffer.byteLength(text) > most) throw new RangeError(`too long for a tar archive: ${text}`);
  return text;
}

/** The files and links, sorted, each after the directories that lead to it. */
export function withDirectories(entries: readonly TarEntry[]): TarEntry[] {
  const all = new Map<string, TarEntry>();
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const entry of sorted) {
    const parts = entry.path.split('/');
    for (let i = 1; i < parts.length; i++) {
      const path = parts.slice(0, i).join('/');
      if (!all.has(path)) all.set(path, { path, type: 'directory', mode: 0o755 });
    }
    all.set(entry.path, entry);
  }
  return [...all.values()];
}
