/** Applies manifests as `kubectl apply` does: all documents are tried first, and none is applied if one is bad. */
import { isAlreadyExists, isNotFound } from '../../kube/client/api-error.ts';
import type { KubeObject } from '../../kube/meta.ts';
import { resourcePath } from '../../kube/resources.ts';
import { describeError, isError, TendrilError } from '../../util/errors.ts';
import { type ManifestObject, objectTitle } from '../manifests/document.ts';
import type { DiscoveredResource, Discovery } from '../session/discovery.ts';
import type { RawApi } from '../session/raw-api.ts';
import { mergeSchemaOf } from './merge-schema.ts';
import { applyOrder } from './order.ts';
import { threeWayPatch } from './three-way-patch.ts';

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

type Fields = Record<string, unknown>;
export type Outcome = 'created' | 'configured' | 'unchanged';

export interface Applied {
  title: string;
  outcome: Outcome;
  object: KubeObject;
}

export interface ApplyTarget {
  api: RawApi;
  discovery: Discovery;
  /** For namespaced objects that name none. */
  namespace: string;
}

interface Planned {
  manifest: ManifestObject;
  resource: DiscoveredResource;
  namespace: string | undefined;
  title: string;
}

/**
 * Checks every object with a dry run, then applies them in an order that works.
 * @throws TendrilError BAD_MANIFEST listing each bad object with its file and line; nothing was changed then
 */
export async function applyManifests(
  target: ApplyTarget,
  manifests: readonly ManifestObject[],
  options: {
    onApplied?: (applied: Applied) => void /** A dry run has been done already. */;
    rehearsed?: boolean;
  } = {},
): Promise<Applied[]> {
  const planned = planApply(target, manifests);
  if (!options.rehearsed) await tryAll(target, planned);
  const done: Applied[] = [];
  for (const item of planned) {
    const applied = await located(item, () => applyOne(target.api, item, false));
    options.onApplied?.(applied);
    done.push(applied);
  }
  return done;
}

/**
 * Applies every object to a server that is thrown away afterwards: unlike a dry run it finds what objects take from
 * each other, a node port twice, say.
 * @throws TendrilError BAD_MANIFEST listing each bad object with its file and line
 */
export async function rehearseManifests(
  target: ApplyTarget,
  manifests: readonly ManifestObject[],
): Promise<void> {
  const problems: unknown[] = [];
  for (const item of planApply(target, manifests)) {
    await located(item, () => applyOne(target.api, item, false)).catch((error) => problems.push(error));
  }
  if (problems.length > 0) throw joined(problems);
}

/** Finds each object's resource and namespace, in the order of application. */
export function planApply(
  { discovery, namespace }: ApplyTarget,
  manifests: readonly ManifestObject[],
): Planned[] {
  const problems: unknown[] = [];
  const planned: Planned[] = [];
  for (const manifest of applyOrder(manifests)) {
    try {
      const { object, origin } = manifest;
      const resource = discovery.byKind(object.apiVersion, object.kind, origin);
      const { name = `${object.metadata.generateName}…`, namespace: own } = object.metadata;
      planned.push({
        manifest,
        resource,
        namespace: resource.namespaced ? (own ?? namespace) : undefined,
        title: objectTitle(object.kind, resource.group, name),
      });
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw joined(problems);
  return planned;
}

/** A dry run of each object. */
async function tryAll(target: ApplyTarget, planned: readonly Planned[]): Promise<void> {
  const coming = new Set(
    planned
      .filter(({ resource }) => resource.kind === 'Namespace')
      .map(({ manifest }) => manifest.object.metadata.name),
  );
  const problems: unknown[] = [];
  for (const item of planned) {
    try {
      await located(item, () => applyOne(target.api, item, true));
    } catch (error) {
      const inComing = item.namespace !== undefined && coming.has(item.namespace);
      const tried = inComing && isMissing(error, item.namespace!) ? await tryElsewhere(target, item) : error;
      if (tried !== undefined) problems.push(tried);
    }
  }
  if (problems.length > 0) throw joined(problems);
}

/**
 * An object whose namespace comes with the same manifests is tried in another one, which is there: but for the
 * name's being taken it is judged the same.
 */
async function tryElsewhere({ api }: ApplyTarget, item: Planned): Promise<unknown> {
  const { object } = item.manifest;
  const moved = { ...object, metadata: { ...object.metadata, namespace: 'default' } };
  const path = `${resourcePath(item.resource, { namespace: 'default' })}?fieldValidation=Strict&dryRun=All`;
  try {
    await located(item, () => api.send({ method: 'POST', path, body: moved }));
  } catch (error) {
    if (!isAlreadyExists((error as { cause?: unknown }).cause)) return error;
  }
}

function isMissing(error: unknown, namespace: string): boolean {
  const missing = describeError(error).includes(`namespaces "${namespace}" not found`);
  return missing && isNotFound((error as { cause?: unknown }).cause);
}

function joined(problems: readonly unknown[]): TendrilError {
  const remedy = problems
    .map((problem) => (problem as TendrilError).remedy)
    .find((text) => text !== undefined);
  return new TendrilError('BAD_MANIFEST', problems.map((problem) => describeError(problem)).join('\n  '), {
    remedy,
  });
}

/** Puts the file and line before an error of the API's. */
async function located<T>({ manifest, title }: Planned, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!isError(error, 'API')) throw error;
    const at = new TendrilError('BAD_MANIFEST', `${manifest.origin}: ${title}: ${error.message}`, {
      cause: error,
    });
    throw at;
  }
}

async function applyOne(api: RawApi, item: Planned, dryRun: boolean): Promise<Applied> {
  const { manifest, resource, namespace, title } = item;
  const wanted = withNamespace(manifest.object, namespace);
  const query = `?fieldManager=tendril&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
  const { name } = wanted.metadata as { name?: string };
  const current =
    name === undefined ? undefined : await getOrNothing(api, resourcePath(resource, { namespace, name }));
  if (current === undefined) {
    const path = resourcePath(resource, { namespace }) + query;
    const object = (await api.send({ method: 'POST', path, body: withLastApplied(wanted) })) as KubeObject;
    return {
      title: name ? title : objectTitle(resource.kind, resource.group, object.metadata.name),
      outcome: 'created',
      object,
    };
  }
  const schema = await mergeSchemaOf(resource);
  const patch = threeWayPatch(
    { original: lastApplied(current), modified: withLastApplied(wanted), current },
    schema,
  );
  if (patch === undefined) return { title, outcome: 'unchanged', object: current as unknown as KubeObject };
  const contentType = schema ? 'application/strategic-merge-patch+json' : 'application/merge-patch+json';
  const path = resourcePath(resource, { namespace, name }) + query;
  const object = (await api.send({ method: 'PATCH', path, body: patch, contentType })) as KubeObject;
  const same = object.metadata.resourceVersion === (current.metadata as Fields).resourceVersion;
  return { title, outcome: same ? 'unchanged' : 'configured', object };
}

async function getOrNothing(api: RawApi, path: string): Promise<Fields | undefined> {
  try {
    return (await api.send({ method: 'GET', path })) as Fields;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function withNamespace(object: ManifestObject['object'], namespace: string | undefined): Fields {
  const { status: _, ...rest } = object;
  const metadata = namespace === undefined ? object.metadata : { ...object.metadata, namespace };
  return { ...rest, metadata };
}

/** The manifest with itself, as compact JSON, in the annotation that kubectl reads and writes. */
function withLastApplied(object: Fields): Fields {
  const metadata = object.metadata as Fields;
  const { [lastAppliedAnnotation]: _, ...annotations } = (metadata.annotations ?? {}) as Record<
    string,
    string
  >;
  const bare = { ...object, metadata: { ...metadata, annotations } };
  const text = `${JSON.stringify(bare)}\n`;
  return {
    ...bare,
    metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } },
  };
}

function lastApplied(object: Fields): Fields | undefined {
  const annotations = (object.metadata as Fields).annotations as Record<string, string> | undefined;
  const text = annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return undefined;
  }
}
