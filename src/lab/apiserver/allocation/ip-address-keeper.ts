/**
 * An IPAddress for each address that a Service has, and none for others: what the original's allocator writes and its
 * repair loop sees to (ipallocator/ipallocator.go, controller/repairip.go). Here Services alone say what is taken.
 */
import type { Logger } from '../../../util/logger.ts';
import { WorkQueue } from '../gc/work-queue.ts';
import { equalJson, type JsonObject } from '../json.ts';
import { createObject } from '../rest/create.ts';
import { deleteObject } from '../rest/delete.ts';
import type { RestContext } from '../rest/rest-context.ts';
import { ipAddressCollection } from './service-cidrs.ts';

const managedBy = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' };

export class IpAddressKeeper {
  readonly #context: RestContext;
  readonly #queue: WorkQueue;
  readonly #stops: (() => void)[];

  constructor(context: RestContext, logger: Logger) {
    const { storage, services } = context;
    this.#context = context;
    this.#queue = new WorkQueue(
      (ip) => this.#sync(ip),
      (error) => logger.error('an IPAddress cannot be kept', { error }),
    );
    this.#stops = [
      services.onChange((ip) => this.#queue.add(ip)),
      storage.watch(ipAddressCollection, storage.revision, ({ object }) =>
        this.#queue.add(object.metadata.name),
      ),
    ];
    for (const { metadata } of storage.list(ipAddressCollection)) this.#queue.add(metadata.name);
    for (const ip of services.addresses()) this.#queue.add(ip);
  }

  stop(): void {
    this.#queue.stop();
    for (const stop of this.#stops) stop();
  }

  #sync(ip: string): void {
    const { storage, services, resources } = this.#context;
    const resource = resources.storedIn(ipAddressCollection)!;
    const present = storage.get(ipAddressCollection, ip) as JsonObject | undefined;
    const parentRef = parentOf(services.ownerOf(ip));
    if (equalJson(present?.spec?.parentRef, parentRef)) return;
    const isOurs = present?.metadata.labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io';
    if (present !== undefined && (isOurs || parentRef !== undefined))
      deleteObject(this.#context, { resource, name: ip });
    if (parentRef === undefined) return;
    const family = ip.includes(':') ? 'IPv6' : 'IPv4';
    const labels = { 'ipaddress.kubernetes.io/ip-family': family, ...managedBy };
    createObject(this.#context, { resource }, { metadata: { name: ip, labels }, spec: { parentRef } });
  }
}

/** Of a Service by its key. */
function parentOf(key: string | undefined): JsonObject | undefined {
  if (key === undefined) return undefined;
  const [namespace, name] = key.split('/');
  return { resource: 'services', namespace, name };
}
