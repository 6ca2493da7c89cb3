/** A pod's volumes on its node: made before its containers run, kept up to date, removed after. */
import { lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '../../../kube/types.ts';
import { describeError, TendrilError } from '../../../util/errors.ts';
import type { Mount } from '../../launcher/launcher.ts';
import { expand } from '../expansion.ts';
import type { NodeHost } from '../node-host.ts';
import { writeAtomically } from './atomic-writer.ts';
import { containedPath } from './contained-path.ts';
import { giveToGroup, volumeDirectory } from './directories.ts';
import { memoryVolumeSize } from './memory-volume.ts';
import { type PayloadContext, volumePayload } from './payload.ts';
import { serviceAccountMount, serviceAccountVolume } from './service-account-volume.ts';

export interface PodVolumesOptions {
  /** Of the pod's volumes; made and removed here. */
  directory: string;
  hostPath: string;
  claims: string;
  host: Pick<NodeHost, 'mountMemory' | 'unmountBelow'>;
  /** Of the node, in bytes. */
  memory: number;
}

interface Made {
  path: string;
  /** Written from the API: mounted read-only, updated. */
  projected: boolean;
  /** A mount must not leave this directory, whatever links a container made in it. */
  within?: string;
}

export class PodVolumes {
  readonly #options: PodVolumesOptions;
  readonly #made = new Map<string, Made>();
  /** Paths of volumes in memory. */
  readonly #mounted = new Set<string>();
  #version = 0;
  #removed = false;
  /** Refreshes, one after the other: the files are written by nobody else meanwhile. */
  #refreshed: Promise<void> = Promise.resolve();

  constructor(options: PodVolumesOptions) {
    this.#options = options;
  }

  /** Idempotent. @throws TendrilError BAD_INPUT naming the volume: FailedMount */
  async prepare(pod: Pod, context: PayloadContext): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o755 });
    await Promise.all(volumesOf(pod).map((volume) => this.#make(volume, pod, context)));
  }

  /** Writes again what comes from the API, where it changed. An object that vanished leaves the old files. */
  refresh(pod: Pod, context: PayloadContext): Promise<void> {
    this.#refreshed = this.#refreshed.then(() => this.#refresh(pod, context));
    return this.#refreshed;
  }

  async #refresh(pod: Pod, context: PayloadContext): Promise<void> {
    for (const volume of volumesOf(pod)) {
      const written = !this.#removed && this.#made.get(volume.name)?.projected;
      if (written) await this.#make(volume, pod, context).catch(() => {});
    }
  }

  async #make(volume: Volume, pod: Pod, context: PayloadContext): Promise<void> {
    const own = join(this.#options.directory, volume.name);
    const gid = pod.spec?.securityContext?.fsGroup;
    try {
      const files = await volumePayload(volume, context);
      if (files) {
        await mkdir(own, { recursive: true, mode: 0o755 });
        await writeAtomically(own, files, { version: `${Date.now()}.${this.#version++}`, gid });
        this.#made.set(volume.name, { path: own, projected: true });
        return;
      }
      if (volume.emptyDir?.medium === 'Memory') await this.#mountMemory(own, volume, pod);
      const path = await volumeDirectory(volume, {
        own,
        namespace: pod.metadata.namespace ?? 'default',
        podName: pod.metadata.name,
        hostPath: this.#options.hostPath,
        claims: this.#options.claims,
      });
      if (gid !== undefined && !volume.hostPath) await giveToGroup(path, gid);
      const within = volume.hostPath ? this.#options.hostPath : undefined;
      this.#made.set(volume.name, { path, projected: false, within });
    } catch (error) {
      const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${describeError(error)}`;
      throw new TendrilError('BAD_INPUT', message, { cause: error });
    }
  }

  /** Once: a volume may be made again when another one of the pod has failed. */
  async #mountMemory(path: string, volume: Volume, pod: Pod): Promise<void> {
    const { host, memory } = this.#options;
    if (this.#mounted.has(path)) return;
    await host.mountMemory(path, memoryVolumeSize(pod, volume, memory));
    this.#mounted.add(path);
  }

  /**
   * A container's mounts, by its volumeMounts; subPathExpr sees the container's environment.
   * @throws TendrilError BAD_INPUT for a mount of no volume, or a subPath that leads out
   */
  async mounts(
    pod: Pod,
    container: NonNullable<Pod['spec']>['containers'][number],
    env: Record<string, string>,
  ) {
    const automatic = serviceAccountMount(pod, container);
    const wanted = [...(container.volumeMounts ?? []), ...(automatic ? [automatic] : [])];
    const mounts: Mount[] = [];
    for (const mount of wanted) {
      const made = this.#made.get(mount.name);
      if (!made)
        throw new TendrilError('BAD_INPUT', `volumeMount "${mount.name}" names no volume of the pod`);
      const sub = mount.subPathExpr ? expand(mount.subPathExpr, (name) => env[name]) : mount.subPath;
      const source = sub ? await subPath(made, sub) : made.path;
      const within = sub ? made.path : made.within;
      const readOnly = made.projected || (mount.readOnly ?? false);
      mounts.push({ source, target: mount.mountPath, readOnly, ...(within !== undefined ? { within } : {}) });
    }
    // A mount inside another comes after it.
    return mounts.sort((a, b) => a.target.split('/').length - b.target.split('/').length);
  }

  /** hostPath and claims stay. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.#refreshed;
    this.#made.clear();
    if (this.#mounted.size > 0) await this.#options.host.unmountBelow(this.#options.directory);
    this.#mounted.clear();
    await rm(this.#options.directory, { recursive: true, force: true });
  }
}

function volumesOf(pod: Pod): Volume[] {
  const automatic = serviceAccountVolume(pod);
  return [...(pod.spec?.volumes ?? []), ...(automatic ? [automatic] : [])];
}

/** A missing subPath is made, as a directory. */
async function subPath(volume: Made, path: string): Promise<string> {
  if (path.split('/').includes('..'))
    throw new TendrilError('BAD_INPUT', `subPath "${path}" must not contain ".."`);
  const isFile = await lstat(volume.path).then((s) => s.isFile());
  if (isFile) throw new TendrilError('BAD_INPUT', `subPath "${path}" of a volume that is a file`);
  return containedPath(volume.path, path, { create: !volume.projected });
}
