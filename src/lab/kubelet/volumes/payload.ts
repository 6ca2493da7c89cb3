/**
 * The files of a volume that is written from API objects (configMap, secret, downwardAPI, projected): path to bytes and
 * mode. Missing objects and keys are errors unless optional.
 */
import type { ConfigMap, Container, Secret, Volume } from '../../../kube/types.ts';
import { TendrilError } from '../../../util/errors.ts';
import type { ConfigSource } from '../environment.ts';
import { type FieldContext, fieldValue, resourceValue } from '../field-ref.ts';

export interface PayloadFile {
  bytes: Buffer;
  mode: number;
}

/** By path below the volume's root; slashes make directories. */
export type Payload = Map<string, PayloadFile>;

export interface PayloadContext {
  config: ConfigSource;
  fields: FieldContext;
  /** The service account's token. */
  token: (audience: string | undefined, seconds: number | undefined) => Promise<string>;
}

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type Item = { key: string; path: string; mode?: number };

/** Undefined where the volume is not of a kind that is written from the API. @throws TendrilError BAD_INPUT */
export async function volumePayload(volume: Volume, context: PayloadContext): Promise<Payload | undefined> {
  if (volume.configMap) {
    const { name, items, optional, defaultMode } = volume.configMap;
    return configMapFiles({ name, items, optional }, defaultMode ?? 0o644, context);
  }
  if (volume.secret) {
    const { secretName, items, optional, defaultMode } = volume.secret;
    return secretFiles({ name: secretName, items, optional }, defaultMode ?? 0o644, context);
  }
  if (volume.downwardAPI) {
    return downwardFiles(volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? 0o644, context);
  }
  if (volume.projected) return projectedFiles(volume.projected, context);
  return undefined;
}

async function projectedFiles(
  projected: NonNullable<Volume['projected']>,
  context: PayloadContext,
): Promise<Payload> {
  const mode = projected.defaultMode ?? 0o644;
  const files: Payload = new Map();
  for (const source of projected.sources ?? []) {
    for (const [path, file] of await projection(source, mode, context)) files.set(path, file);
  }
  return files;
}

async function projection(source: Projection, mode: number, context: PayloadContext): Promise<Payload> {
  if (source.configMap) return configMapFiles(source.configMap, mode, context);
  if (source.secret) return secretFiles(source.secret, mode, context);
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items ?? [], mode, context);
  if (source.serviceAccountToken) {
    const { path, audience, expirationSeconds } = source.serviceAccountToken;
    const token = await context.token(audience, expirationSeconds);
    return new Map([[checkedPath(path), { bytes: Buffer.from(token), mode }]]);
  }
  const kind = Object.keys(source)[0];
  throw new TendrilError('BAD_INPUT', `projected volume source ${kind} is not available in a lab`);
}

interface Reference {
  name?: string;
  items?: readonly Item[];
  optional?: boolean;
}

async function configMapFiles(ref: Reference, mode: number, { config }: PayloadContext): Promise<Payload> {
  const object = await config.configMap(ref.name ?? '');
  if (object === undefined) return absent('configmap', ref);
  return selected(bytesOfConfigMap(object), ref, mode);
}

async function secretFiles(ref: Reference, mode: number, { config }: PayloadContext): Promise<Payload> {
  const object = await config.secret(ref.name ?? '');
  if (object === undefined) return absent('secret', ref);
  return selected(bytesOfSecret(object), ref, mode);
}

function absent(kind: string, ref: Reference): Payload {
  if (ref.optional) return new Map();
  throw new TendrilError('BAD_INPUT', `${kind} "${ref.name}" not found`);
}

function bytesOfConfigMap(object: ConfigMap): Map<string, Buffer> {
  const text = Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
  const binary = Object.entries((object.binaryData ?? {}) as Record<string, string>);
  return new Map([...text, ...binary.map(([key, value]) => [key, Buffer.from(value, 'base64')] as const)]);
}

function bytesOfSecret(object: Secret): Map<string, Buffer> {
  const entries = Object.entries(object.data ?? {});
  return new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

function selected(data: Map<string, Buffer>, ref: Reference, mode: number): Payload {
  if (!ref.items || ref.items.length === 0) {
    return new Map([...data].map(([key, bytes]) => [key, { bytes, mode }]));
  }
  const files: Payload = new Map();
  for (const item of ref.items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) files.set(checkedPath(item.path), { bytes, mode: item.mode ?? mode });
    else if (!ref.optional)
      throw new TendrilError('BAD_INPUT', `references non-existent config key: ${item.key}`);
  }
  return files;
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

function downwardFiles(items: readonly DownwardItem[], mode: number, { fields }: PayloadContext): Payload {
  const spec = fields.pod.spec;
  const containers: Container[] = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return new Map(
    items.map((item) => {
      const ref = item.resourceFieldRef;
      const of = containers.find((c) => c.name === ref?.containerName) ?? containers[0]!;
      const text = ref ? resourceValue(ref, of, fields) : fieldValue(item.fieldRef!.fieldPath, fields);
      return [checkedPath(item.path), { bytes: Buffer.from(text), mode: item.mode ?? mode }];
    }),
  );
}

/** Paths come from the user: they stay below the volume's root. */
function checkedPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (
    path.startsWith('/') ||
    parts.length === 0 ||
    parts.some((part) => part === '..') ||
    path.startsWith('..')
  ) {
    throw new TendrilError('BAD_INPUT', `"${path}" is not a relative path below the volume`);
  }
  return parts.join('/');
}
