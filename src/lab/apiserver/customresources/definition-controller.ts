/**
 * Serves what CustomResourceDefinitions define: their resources are in the registry as soon as a definition is stored with
 * its names accepted, and leave it with it, after all their objects.
 */
import type { Logger } from '../../../util/logger.ts';
import { WorkQueue } from '../gc/work-queue.ts';
import { cloneJson, equalJson, type JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { deleteObject } from '../rest/delete.ts';
import type { ObjectRef, RestContext } from '../rest/rest-context.ts';
import { timestamp } from '../rest/rest-context.ts';
import { updateObject } from '../rest/update.ts';
import { loadRuleEngine } from './cel/engine.ts';
import { customResource, essenceOf } from './custom-resource.ts';
import {
  type CustomResourceDefinition,
  cleanupFinalizer,
  definitionsCollection,
  isTrue,
} from './definition/definition.ts';
import { statusOf } from './definition/status.ts';

interface Served {
  essence: JsonObject;
  resource: Resource;
  retire: () => void;
}

export class DefinitionController {
  readonly #context: RestContext;
  readonly #queue: WorkQueue;
  readonly #stop: () => void;
  /** By the definition's name, then the version's. */
  readonly #served = new Map<string, Map<string, Served>>();

  constructor(context: RestContext, logger: Logger) {
    const { storage, resources } = context;
    this.#context = context;
    this.#queue = new WorkQueue(
      (name) => this.#sync(name),
      (error) => logger.error('a custom resource definition could not be followed', { error }),
    );
    this.#stop = storage.watch(definitionsCollection, storage.revision, ({ type, object }) => {
      const definition = object as CustomResourceDefinition;
      this.#serve(definition, type === 'DELETED');
      this.#queue.add(definition.metadata.name);
      if (type === 'DELETED') this.#reconsiderGroup(definition);
    });
    // The last object to go lets a definition go.
    resources.followCollections(({ group, plural, collection }) => {
      const name = `${plural}.${group}`;
      if (!this.#served.has(name)) return () => {};
      return storage.watch(collection, storage.revision, ({ type }) => {
        if (type === 'DELETED') this.#queue.add(name);
      });
    });
    this.#resume(storage.list(definitionsCollection) as CustomResourceDefinition[]);
  }

  /** With what an earlier server left. */
  #resume(definitions: readonly CustomResourceDefinition[]): void {
    if (definitions.length === 0) return;
    for (const definition of definitions) this.#serve(definition, false);
    void loadRuleEngine().then(() => {
      for (const { metadata } of definitions) this.#queue.add(metadata.name);
    });
  }

  stop(): void {
    this.#queue.stop();
    this.#stop();
  }

  #get(name: string): CustomResourceDefinition | undefined {
    return this.#context.storage.get(definitionsCollection, name) as CustomResourceDefinition | undefined;
  }

  /** At once: whoever sees a definition established finds its resources. */
  #serve(definition: CustomResourceDefinition, gone: boolean): void {
    const { name } = definition.metadata;
    const before = this.#served.get(name) ?? new Map<string, Served>();
    const established = !gone && isTrue(definition, 'Established');
    const after = established ? this.#versionsOf(definition, before) : new Map<string, Served>();
    const changed =
      before.size !== after.size || [...after].some(([version, served]) => before.get(version) !== served);
    if (!changed) return;
    if (after.size > 0) this.#served.set(name, after);
    else this.#served.delete(name);
    this.#context.resources.define(
      name,
      [...after.values()].map((served) => served.resource),
    );
    for (const [version, served] of before) if (after.get(version) !== served) served.retire();
  }

  #versionsOf(
    definition: CustomResourceDefinition,
    before: ReadonlyMap<string, Served>,
  ): Map<string, Served> {
    const { name } = definition.metadata;
    const versions = definition.spec.versions.map((version): [string, Served] => {
      const essence = essenceOf(definition, version);
      const known = before.get(version.name);
      if (known !== undefined && equalJson(known.essence, essence)) return [version.name, known];
      const retiring = new AbortController();
      const resource = customResource(definition, version, {
        retired: retiring.signal,
        current: () => this.#get(name),
        webhooks: this.#context.webhooks,
      });
      return [version.name, { essence, resource, retire: () => retiring.abort() }];
    });
    return new Map(versions);
  }

  /** A name that is free again may be another's. */
  #reconsiderGroup({ spec }: CustomResourceDefinition): void {
    for (const object of this.#context.storage.list(definitionsCollection)) {
      const other = object as CustomResourceDefinition;
      if (other.spec.group === spec.group && !isTrue(other, 'NamesAccepted'))
        this.#queue.add(other.metadata.name);
    }
  }

  #sync(name: string): void {
    const definition = this.#get(name);
    if (definition === undefined) return;
    if (definition.metadata.deletionTimestamp) this.#empty(definition);
    else if (!isTrue(definition, 'NamesAccepted')) this.#acceptNames(definition);
  }

  #refOf(name: string): ObjectRef {
    const resource = this.#context.resources.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions')!;
    return { resource, name };
  }

  #acceptNames(definition: CustomResourceDefinition): void {
    const { name } = definition.metadata;
    const others = (this.#context.storage.list(definitionsCollection) as CustomResourceDefinition[]).filter(
      (other) => other.metadata.name !== name && other.spec.group === definition.spec.group,
    );
    const builtIn = this.#context.resources.builtIn(definition.spec.group);
    const status = statusOf(definition, { others, builtIn }, timestamp(this.#context.clock.now()));
    updateObject(this.#context, this.#refOf(name), (old) => ({ ...cloneJson(old), status }), {
      subresource: 'status',
    });
  }

  /** Deletes all objects; when none is left the definition goes too. */
  #empty(definition: CustomResourceDefinition): void {
    const { name, finalizers = [] } = definition.metadata;
    if (!finalizers.includes(cleanupFinalizer)) return;
    const { group, names } = definition.spec;
    const resource = this.#context.resources.storedIn(`${group}/${names.plural}`);
    if (resource !== undefined && this.#served.has(name) && !this.#deleteAll(resource)) return;
    updateObject(this.#context, this.#refOf(name), (old) => {
      const draft = cloneJson(old) as JsonObject;
      draft.metadata.finalizers = finalizers.filter((f) => f !== cleanupFinalizer);
      return draft;
    });
  }

  /** Whether none is left. */
  #deleteAll(resource: Resource): boolean {
    let left = 0;
    for (const { metadata } of this.#context.storage.list(resource.collection)) {
      const ref = { resource, namespace: metadata.namespace, name: metadata.name };
      const waits = metadata.deletionTimestamp !== undefined;
      if (waits || !deleteObject(this.#context, ref).gone) left++;
    }
    return left === 0;
  }
}
