/** What comes with every namespace (a ServiceAccount, the CA's certificate), and what its deletion takes along. */
import { isAlreadyExists } from '../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import type { Logger } from '../../../util/logger.ts';
import { cloneJson, equalJson, type JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { createObject } from '../rest/create.ts';
import { deleteObject } from '../rest/delete.ts';
import type { RestContext } from '../rest/rest-context.ts';
import { finalizeNamespace } from '../rest/subresources.ts';
import { updateObject } from '../rest/update.ts';
import type { StorageEvent } from '../storage/storage.ts';
import { WorkQueue } from './work-queue.ts';

/** By kind and name: what every namespace has. */
const furniture = new Set(['ServiceAccount/default', 'ConfigMap/kube-root-ca.crt']);

export class NamespaceController {
  readonly #context: RestContext;
  readonly #caCertificate: string;
  readonly #queue: WorkQueue;
  readonly #stop: () => void;

  constructor(context: RestContext, options: { caCertificate: string; logger: Logger }) {
    const { storage, resources } = context;
    this.#context = context;
    this.#caCertificate = options.caCertificate;
    this.#queue = new WorkQueue(
      (name) => this.#sync(name),
      (error) => options.logger.error('namespace controller failed', { error }),
    );
    this.#stop = storage.watch('/namespaces', storage.revision, (event) =>
      this.#queue.add(event.object.metadata.name),
    );
    resources.followCollections(({ collection, namespaced }) =>
      namespaced ? storage.watch(collection, storage.revision, (event) => this.#onContent(event)) : () => {},
    );
    for (const { metadata } of storage.list('/namespaces')) this.#queue.add(metadata.name);
  }

  stop(): void {
    this.#queue.stop();
    this.#stop();
  }

  /** The last thing to go lets a namespace end; furniture that goes comes back. */
  #onContent({ type, object }: StorageEvent): void {
    const { namespace, name } = object.metadata;
    if (type !== 'DELETED' || namespace === undefined) return;
    const ending = this.#context.storage.get('/namespaces', namespace)?.metadata.deletionTimestamp;
    if (ending || furniture.has(`${object.kind}/${name}`)) this.#queue.add(namespace);
  }

  #sync(name: string): void {
    const namespace = this.#context.storage.get('/namespaces', name);
    if (namespace === undefined) return;
    if (namespace.metadata.deletionTimestamp) this.#empty(namespace);
    else this.#furnish(name);
  }

  #furnish(namespace: string): void {
    this.#ensure('serviceaccounts', { metadata: { name: 'default', namespace } });
    if (this.#caCertificate === '') return;
    const annotations = {
      'kubernetes.io/description':
        'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
    };
    const metadata = { name: 'kube-root-ca.crt', namespace, annotations };
    this.#ensure('configmaps', { metadata, data: { 'ca.crt': this.#caCertificate } });
  }

  #ensure(plural: string, object: JsonObject): void {
    const resource = this.#context.resources.find('', 'v1', plural)!;
    const { namespace, name } = object.metadata;
    const present = this.#context.storage.get(resource.collection, `${namespace}/${name}`) as
      | JsonObject
      | undefined;
    if (present !== undefined) {
      this.#renew(resource, present, object.data);
      return;
    }
    try {
      createObject(this.#context, { resource, namespace }, object);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /** An earlier server's certificate authority may have been another. */
  #renew(resource: Resource, present: JsonObject, data: JsonObject | undefined): void {
    if (data === undefined || equalJson(present.data, data)) return;
    const { namespace, name } = present.metadata;
    updateObject(this.#context, { resource, namespace, name }, (old) => ({ ...cloneJson(old), data }));
  }

  /** Deletes what is in it; when nothing is left the namespace goes too. */
  #empty(namespace: KubeObject): void {
    const { name } = namespace.metadata;
    let left = 0;
    for (const resource of this.#context.resources.stored.filter((r) => r.namespaced)) {
      for (const object of this.#context.storage.list(resource.collection, { namespace: name })) {
        const ref = { resource, namespace: name, name: object.metadata.name };
        const waits = object.metadata.deletionTimestamp !== undefined;
        if (waits || !deleteObject(this.#context, ref, { propagationPolicy: 'Background' }).gone) left++;
      }
    }
    if (left > 0) return;
    const resource = this.#context.resources.find('', 'v1', 'namespaces')!;
    finalizeNamespace(this.#context, { resource, name }, { spec: {} });
  }
}
