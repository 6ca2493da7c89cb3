/**
 * How a container of an image runs in the lab, where no image is ever pulled: with the machine's tools when the
 * table knows it, else as the stand-in server, which ignores the container's command.
 */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '../launcher/launcher.ts';
import { type HostImage, hostImages } from './host-images.ts';
import { parseImageName } from './image-name.ts';
import { type StandInPorts, standInArgv } from './stand-in.ts';

export interface ContainerCommand {
  /** Replaces the image's ENTRYPOINT and CMD. */
  command?: string[];
  /** Replaces the image's CMD. */
  args?: string[];
}

export interface ResolvedImage {
  standIn: boolean;
  /** What to run; for a stand-in see standInArgv, which adds the ports. */
  argv: string[];
  /** The image's own environment; the container's goes over it. */
  env: Record<string, string>;
  /** What the image needs to see, besides the container's own mounts. */
  mounts: Mount[];
  /** Why it is stood in for, or what runs it; for `status`. */
  reason: string;
}

export interface ImageTableOptions {
  /** Directory that holds dist/. */
  program: string;
  /** Whether the machine has a command. */
  hasCommand?: (name: string) => boolean;
  table?: HostImage[];
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const appletsTarget = '/opt/busybox/bin';

/** Whether a command is in one of the directories that containers see. */
export function hostHasCommand(name: string): boolean {
  return defaultPath.split(':').some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Kubernetes' rule: `command` replaces ENTRYPOINT and CMD, `args` replaces CMD. */
export function effectiveCommand(
  image: { entrypoint: string[]; cmd: string[] },
  own: ContainerCommand,
): string[] {
  if (own.command?.length) return [...own.command, ...(own.args ?? [])];
  if (own.args?.length) return [...image.entrypoint, ...own.args];
  return [...image.entrypoint, ...image.cmd];
}

function standIn(reason: string, options: ImageTableOptions): ResolvedImage {
  return {
    standIn: true,
    argv: standInArgv(),
    env: { PATH: defaultPath },
    mounts: [
      { source: join(options.program, 'dist/native/standin'), target: standInArgv()[0]!, readOnly: true },
    ],
    reason,
  };
}

function hostMounts(image: HostImage, program: string): Mount[] {
  const mounts: Mount[] = [];
  if (image.applets) {
    mounts.push({ source: join(program, 'dist/busybox-bin'), target: appletsTarget, readOnly: true });
  }
  if (image.program) mounts.push({ source: program, target: '/tendril', readOnly: true });
  for (const [target, name] of Object.entries(image.native ?? {})) {
    mounts.push({ source: join(program, 'dist/native', name), target, readOnly: true });
  }
  return mounts;
}

/**
 * @param image the container's image reference
 * @returns what to run; never fails, as an unknown image is stood in for
 */
export function resolveImage(
  image: string,
  own: ContainerCommand,
  options: ImageTableOptions,
): ResolvedImage {
  const { repository } = parseImageName(image);
  const known = (options.table ?? hostImages).find((entry) => entry.pattern.test(repository));
  if (known === undefined) return standIn(`${image} cannot run here`, options);
  const missing = known.needs.filter((name) => !(options.hasCommand ?? hostHasCommand)(name));
  if (missing.length > 0) return standIn(`${missing.join(', ')} not installed on this machine`, options);
  if (known.serverByDefault && !own.command?.length && !own.args?.length) {
    return standIn(`${image} is a server when it has no command`, options);
  }
  return {
    standIn: false,
    argv: effectiveCommand(known, own),
    env: { PATH: known.applets ? `${defaultPath}:${appletsTarget}` : defaultPath },
    mounts: hostMounts(known, options.program),
    reason: "runs with the machine's tools",
  };
}

/** The command line of a stood-in container that listens on these ports; as an init container it exits at once. */
export function resolveStandInArgv(ports: StandInPorts, init: boolean): string[] {
  return init ? standInArgv({ init: true }) : standInArgv({ ports });
}
