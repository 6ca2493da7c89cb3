/** What the verbs work with. */
import type { KubeObject } from '../../../kube/meta.ts';
import type { Clock } from '../../../util/clock.ts';
import type { DynamicAdmission } from '../admission/dynamic-admission.ts';
import type { ServiceAllocator } from '../allocation/service-allocator.ts';
import type { Authorizer } from '../auth/rbac.ts';
import type { ServiceAccountTokens } from '../auth/service-account-tokens.ts';
import type { AdmissionContext, Resource } from '../registry/resource.ts';
import type { ResourceRegistry } from '../registry/resource-registry.ts';
import { notFound } from '../status.ts';
import type { Storage } from '../storage/storage.ts';
import type { PodStreams } from '../streams/pod-streams.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import type { PodLogs } from './pod-logs.ts';

export interface RestContext {
  storage: Storage;
  resources: ResourceRegistry;
  clock: Clock;
  services: ServiceAllocator;
  admission: AdmissionContext;
  /** Webhooks and policies. */
  dynamicAdmission: DynamicAdmission;
  webhooks: WebhookClient;
  tokens: ServiceAccountTokens;
  authorizer: Authorizer;
  /** Absent until a kubelet supplies it. */
  podLogs?: PodLogs;
  /** The same. */
  podStreams?: PodStreams;
}

export function createRestContext(parts: Omit<RestContext, 'admission'>): RestContext {
  const { storage, services, resources } = parts;
  const admission: AdmissionContext = {
    get: (collection, key) => storage.get(collection, key),
    list: (collection, namespace) => storage.list(collection, { namespace }),
    builtIn: (group) => resources.builtIn(group),
    resources: () => resources.all,
    now: () => timestamp(parts.clock.now()),
    allocateService: (next, old) => services.allocate(next, old),
  };
  return { ...parts, admission };
}

/** Where one object is. */
export interface ObjectRef {
  resource: Resource;
  namespace?: string;
  name: string;
}

export function keyFor({ namespace, name }: { namespace?: string; name: string }): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The stored object. Throws NotFound. */
export function getStored(context: RestContext, ref: ObjectRef): KubeObject {
  const found = context.storage.get(ref.resource.collection, keyFor(ref));
  if (found === undefined) throw notFound(ref.resource, ref.name);
  return found;
}

/** RFC 3339 with seconds, as metav1.Time is written. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
