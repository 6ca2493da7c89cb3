/** The directory behind a volume that is not written from the API: emptyDir, hostPath, claims. */
import { constants } from 'node:fs';
import { chmod, lchown, mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Volume } from '../../../kube/types.ts';
import { TendrilError } from '../../../util/errors.ts';
import { containedPath } from './contained-path.ts';

export interface DirectoryContext {
  /** Of this volume in the pod's directory. */
  own: string;
  namespace: string;
  podName: string;
  /** What hostPath volumes of the node show. */
  hostPath: string;
  /** Claims of the lab: their directories outlive pods. */
  claims: string;
}

/** The path to mount. @throws TendrilError BAD_INPUT for a volume that a lab does not have */
export async function volumeDirectory(volume: Volume, context: DirectoryContext): Promise<string> {
  if (volume.emptyDir) return openDirectory(context.own);
  if (volume.hostPath) return hostPath(volume.hostPath, context.hostPath);
  const claim = volume.persistentVolumeClaim?.claimName;
  if (claim !== undefined) return openDirectory(claimPath(claim, context));
  // A generic ephemeral volume is a claim named after the pod and the volume.
  if (volume.ephemeral) return openDirectory(context.own);
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'of no kind';
  const remedy = 'use emptyDir, hostPath, configMap, secret, projected, downwardAPI or persistentVolumeClaim';
  throw new TendrilError('BAD_INPUT', `volumes of type ${kind} do not exist in a lab`, { remedy });
}

/** The API takes any text as a claim's name; no claim can have most of them, and `..` would lead out. */
function claimPath(claim: string, { claims, namespace }: DirectoryContext): string {
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(claim) || claim.includes('..'))
    throw new TendrilError(
      'BAD_INPUT',
      `persistentvolumeclaim "${claim}" not found: no claim has such a name`,
    );
  return join(claims, namespace, claim);
}

/** Everybody may write to an emptyDir. */
async function openDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777);
  return path;
}

/** A link to what is not there would have the file made where it leads to, which may be anywhere. */
const makeFile = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;

function rethrowLink(path: string) {
  return (error: NodeJS.ErrnoException): never => {
    if (error.code !== 'ELOOP') throw error;
    throw new TendrilError('BAD_INPUT', `hostPath ${path} is a link to nothing`, { cause: error });
  };
}

async function hostPath(source: NonNullable<Volume['hostPath']>, root: string): Promise<string> {
  await mkdir(root, { recursive: true });
  const type = source.type ?? '';
  if (['Socket', 'CharDevice', 'BlockDevice'].includes(type)) {
    throw new TendrilError(
      'BAD_INPUT',
      `hostPath type check failed: ${source.path} is not a ${type} in a lab`,
    );
  }
  if (!type.startsWith('File')) return containedPath(root, source.path);
  await containedPath(root, dirname(source.path));
  const file = await containedPath(root, source.path, { create: false });
  await (await open(file, makeFile, 0o644).catch(rethrowLink(source.path))).close();
  return containedPath(root, source.path, { create: false });
}

/** fsGroup: the group owns the volume and may write, new files inherit it. Links are not followed. */
export async function giveToGroup(path: string, gid: number): Promise<void> {
  await lchown(path, -1, gid);
  const { mode } = await stat(path);
  await chmod(path, (mode & 0o777) | 0o2070);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const at = join(path, entry.name);
    if (entry.isDirectory()) await giveToGroup(at, gid);
    else if (entry.isFile()) {
      await lchown(at, -1, gid);
      await chmod(at, ((await stat(at)).mode & 0o777) | 0o060);
    }
  }
}
