/** The mounts this process sees: /proc/self/mountinfo (proc(5)). */
import { readFileSync } from 'node:fs';

export interface MountEntry {
  /** Where it is mounted. */
  target: string;
  /** Directory of the file system that is shown there; not `/` for bind mounts of a part. */
  root: string;
  /** File system type: `bpf`, `tmpfs`, `nsfs`, `cgroup2`, … */
  type: string;
  source: string;
  /** Options of the mount and of the file system, comma-separated. */
  options: string;
}

export function readMounts(): MountEntry[] {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** In the order of mounting. Lines that are not understood are left out. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    // ID, parent, major:minor, root, target, options, optional fields …, "-", type, source, super options
    const [left, right] = line.split(' - ');
    const [, , , root, target, options] = left!.split(' ');
    const [type, source, more = ''] = right?.split(' ') ?? [];
    if (root === undefined || target === undefined || type === undefined || source === undefined) return [];
    return [
      {
        target: unescapeOctal(target),
        root: unescapeOctal(root),
        type,
        source: unescapeOctal(source),
        options: `${options},${more}`,
      },
    ];
  });
}

/** The mounts at a path and below it, in the order of mounting. */
export function mountsBelow(path: string, mounts: MountEntry[] = readMounts()): MountEntry[] {
  const prefix = path.endsWith('/') ? path : `${path}/`;
  return mounts.filter(({ target }) => target === path || target.startsWith(prefix));
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
