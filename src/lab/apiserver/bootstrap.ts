/** What a cluster has before anybody asks for anything. */

import { withCondition } from '../../kube/conditions.ts';
import { type KubeObject, keyOf } from '../../kube/meta.ts';
import { nthIp, parseCidr } from '../../net/cidr.ts';
import { formatIp, tryParseIp } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import { serviceCidrCollection } from './allocation/service-cidrs.ts';
import { bootstrapPolicy } from './auth/bootstrap-policy.ts';
import { WorkQueue } from './gc/work-queue.ts';
import { cloneJson, type JsonObject } from './json.ts';
import { createObject } from './rest/create.ts';
import { type RestContext, timestamp } from './rest/rest-context.ts';

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Where it is not there already, from an earlier server. */
function ensure(context: RestContext, object: JsonObject): void {
  const resource = context.resources.findKind(object.apiVersion, object.kind)!;
  const { namespace } = object.metadata;
  if (context.storage.get(resource.collection, keyOf(object as KubeObject)) !== undefined) return;
  createObject(context, { resource, namespace }, cloneJson(object));
}

function serviceManifest(clusterIp: string, port: number): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      clusterIP: clusterIp,
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
}

function endpointsManifest(ips: string[], port: number): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}

function sliceManifest(addressType: string, ips: string[], port: number): JsonObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
    },
    addressType,
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

function serviceCidrManifest(cidrs: string[]): JsonObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs },
  };
}

/** The default ServiceCIDR is Ready at once: Services are there before who would say so (controller/defaultservicecidr). */
function readyServiceCidr({ storage, clock }: RestContext): void {
  const object = storage.get(serviceCidrCollection, 'kubernetes') as JsonObject | undefined;
  if (object === undefined || object.metadata.deletionTimestamp || object.status?.conditions?.length) return;
  const conditions = withCondition([], timestamp(clock.now()), {
    ...{ type: 'Ready', status: 'True', reason: '' },
    message: 'Kubernetes default Service CIDR is ready',
  });
  const next: JsonObject = { ...object, status: { conditions } };
  storage.put(serviceCidrCollection, 'kubernetes', next as KubeObject);
}

export interface BootstrapOptions {
  serviceCidrs: string[];
  advertise?: { ips: string[]; port: number };
}

/** The `kubernetes` Service, on the first address of the primary Service CIDR, and what leads from it. */
function ownService({ serviceCidrs, advertise }: BootstrapOptions): JsonObject[] {
  const cidr = parseCidr(serviceCidrs[0]!);
  const port = advertise?.port ?? 6443;
  const service = serviceManifest(formatIp(nthIp(cidr, 1)), port);
  const ips = (advertise?.ips ?? []).filter((ip) => tryParseIp(ip)?.family === cidr.ip.family);
  if (ips.length === 0) return [service];
  const family = cidr.ip.family === 4 ? 'IPv4' : 'IPv6';
  return [service, endpointsManifest(ips, port), sliceManifest(family, ips, port)];
}

/** Creates the namespaces, the default ServiceCIDR and the `kubernetes` Service; the last two come back when somebody deletes them. */
export function bootstrap(context: RestContext, options: BootstrapOptions, logger: Logger): () => void {
  const { storage, resources } = context;
  for (const name of namespaces) ensure(context, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const manifest of bootstrapPolicy) ensure(context, manifest);
  const manifests = [serviceCidrManifest(options.serviceCidrs), ...ownService(options)];
  const keys = ['default/kubernetes', 'kubernetes'];
  const ensureAll = () => {
    for (const manifest of manifests) {
      ensure(context, manifest);
      readyServiceCidr(context);
    }
  };
  ensureAll();
  const queue = new WorkQueue(ensureAll, (error) =>
    logger.error('the kubernetes Service or ServiceCIDR is gone', { error }),
  );
  const stops = manifests.map(({ apiVersion, kind }) =>
    storage.watch(resources.findKind(apiVersion, kind)!.collection, storage.revision, ({ type, object }) => {
      if (type === 'DELETED' && keys.includes(keyOf(object))) queue.add(keyOf(object));
    }),
  );
  return () => {
    queue.stop();
    for (const stop of stops) stop();
  };
}
