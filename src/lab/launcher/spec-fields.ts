/** A process specification as the launcher's fields. */
import type { Field } from './frame.ts';
import type { Mount, ProcessSpec, SandboxSpec } from './launcher.ts';

function optional(key: string, value: string | undefined): Field[] {
  return value === undefined ? [] : [[key, value]];
}

function mountFields(mount: Mount): Field[] {
  return [
    ['mount-source', mount.source],
    ['mount-target', mount.target],
    ['mount-ro', mount.readOnly ? '1' : '0'],
    ...optional('mount-within', mount.within),
  ];
}

function sandboxFields(sandbox: SandboxSpec): Field[] {
  return [
    ['sandbox', '1'],
    ['hostname', sandbox.hostname],
    ['scratch', sandbox.scratch],
    ['uid', String(sandbox.uid)],
    ['gid', String(sandbox.gid)],
    ['readonly', sandbox.readOnlyRoot ? '1' : '0'],
    ...sandbox.supplementalGroups.map((group): Field => ['group', String(group)]),
    ...sandbox.capabilities.map((name): Field => ['cap', name]),
    ...optional('pidns-of', sandbox.pidNamespaceOf),
    ...sandbox.mounts.flatMap(mountFields),
  ];
}

export function specFields(spec: ProcessSpec): Field[] {
  return [
    ['id', spec.id],
    ...spec.argv.map((word): Field => ['argv', word]),
    ...Object.entries(spec.env).map(([name, value]): Field => ['env', `${name}=${value}`]),
    ['cgroup', spec.cgroup],
    ...(spec.cgroups1 ?? []).map((path): Field => ['cgroup1', path]),
    ...optional('netns', spec.netns),
    ...optional('cwd', spec.cwd),
    ...optional('log', spec.log),
    ...(spec.interactive ? [['interactive', '1'] as const] : []),
    ...(spec.tty ? [['tty', '1'] as const] : []),
    ...(spec.sandbox === undefined ? [] : sandboxFields(spec.sandbox)),
  ];
}
