/**
 * Joins policies, namespaces and pods to a PolicyState. Events only note what they concern; `state` works that off:
 *
 *     Pod ─► PodIndex ── identities that come or go ─► Selections ─► PodGrant ─┐
 *                └────── addresses that change hands ─► peers, NamedBlocks     ├─► RuleTable
 *     NetworkPolicy ── of this node's Subjects ─► grants ─► BlockTable ─ sets ─┘
 */
import type { Change } from '../../kube/client/store.ts';
import { deepEqual } from '../../kube/deep-equal.ts';
import { type KubeObject, keyOf } from '../../kube/meta.ts';
import type { Namespace, NetworkPolicy, Pod } from '../../kube/types.ts';
import { formatIp } from '../../net/ip.ts';
import type { LocalPod, PolicyCalculator, PolicyCalculatorOptions } from '../policy-calculator.ts';
import {
  noSubject,
  type PodPolicy,
  type PolicyChanges,
  type PolicyNumber,
  type PolicyState,
} from '../policy-state.ts';
import { BlockTable } from './block-table.ts';
import type { Identity } from './identity.ts';
import { NamedBlocks } from './named-blocks.ts';
import { NotedKeys } from './noted-keys.ts';
import { ipsOf, type PodEntry, PodIndex } from './pod-index.ts';
import { PodSource } from './pod-source.ts';
import { RuleTable } from './rule-table.ts';
import { isSamePod } from './same-pod.ts';
import { Selections } from './selections.ts';
import { inSteps } from './steps.ts';
import { type Register, Subject } from './subject.ts';

const byNamespace = 'policy/namespace';
const closed: PodPolicy = { subject: noSubject, ingress: true, egress: true };

interface Local {
  ips: readonly string[];
  /** Undefined: not known. */
  entry: PodEntry | undefined;
  namespace: string;
}

export class Calculator implements PolicyCalculator {
  readonly #options: PolicyCalculatorOptions;
  readonly #unsubscribe: (() => void)[];
  readonly #pods: PodSource;
  readonly #register: Register;
  readonly #subjects = new Map<Identity, Subject>();
  readonly #peers = new Map<string, PolicyNumber>();
  readonly #changedPeers = new NotedKeys();
  readonly #index = new PodIndex(this.#peers);
  /** Keys of policies by namespace. */
  #changedPolicies = new Map<string, Set<string>>();
  #changedNamespaces = new Set<string>();
  /** That rules have begun, or ceased, to name. */
  #turned = new Set<Identity>();
  /** What has begun and is not through. */
  #work: Generator<void> | undefined;
  #local: readonly Local[] = [];
  #version = 0;
  #changes: PolicyChanges | undefined;

  constructor(options: PolicyCalculatorOptions) {
    this.#options = options;
    const { policies, namespaces, onChange } = options;
    this.#pods = new PodSource({ index: this.#index, pods: options.pods, onChange });
    const blocks = new BlockTable();
    this.#register = {
      rules: new RuleTable(),
      blocks,
      namedBlocks: new NamedBlocks(this.#index, blocks),
      selections: new Selections({
        identities: (namespace) => this.#index.identities(namespace),
        labelsOf: (name) => {
          const namespace = namespaces.get(name);
          return namespace && (namespace.metadata.labels ?? {});
        },
        onTurn: (identity) => this.#turned.add(identity),
      }),
    };
    policies.addIndex(byNamespace, ({ metadata }) => [metadata.namespace!]);
    this.#unsubscribe = [
      policies.onChange((change) => this.#policyChanged(change)),
      namespaces.onChange((change) => this.#namespaceChanged(change)),
    ];
    if (policies.list().length > 0) this.#pods.open();
    for (const store of [policies, namespaces]) if (!store.hasSynced) void store.synced().then(onChange);
  }

  get hasSynced(): boolean {
    const { policies, namespaces } = this.#options;
    return policies.hasSynced && namespaces.hasSynced && this.#pods.hasSynced;
  }

  hasPolicies(namespace: string): boolean | undefined {
    if (!this.#options.policies.hasSynced) return undefined;
    return this.#policiesIn(namespace).length > 0;
  }

  get problem(): string | undefined {
    const { blocks, rules } = this.#register;
    const ofSubject = this.#subjects.values().find(({ problem }) => problem !== undefined)?.problem;
    return ofSubject ?? blocks.problem ?? rules.problem;
  }

  know(pod: Pod): void {
    this.#pods.know(pod);
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#pods.close();
  }

  state(): PolicyState {
    // First what was begun, of an older state of things.
    for (const work of [this.#work, this.#update()]) while (work?.next().done === false);
    this.#work = undefined;
    const { rules, blocks } = this.#register;
    const whole = {
      pods: this.#podPolicies(this.#local),
      peers: this.#peers,
      blocks: blocks.numbers,
      rules: rules.rules,
    };
    this.#takeChanges();
    return { ...whole, version: this.#version, ...(this.#changes && { changes: this.#changes }) };
  }

  async settle(breathe: () => Promise<void> | undefined): Promise<void> {
    this.#work ??= this.#update();
    const work = this.#work;
    while (this.#work === work && !work.next().done) await breathe();
    if (this.#work === work) this.#work = undefined;
  }

  /** Brings everything up to date. Events that come between its steps are for the next time. */
  *#update(): Generator<void> {
    const { selections, blocks, namedBlocks } = this.#register;
    const locals = this.#locals();
    this.#local = locals;
    const { identities, addresses } = this.#index.takeChanges();
    for (const identity of identities) {
      selections.identityChanged(identity);
      yield;
    }
    const changedNamespaces = this.#changedNamespaces;
    this.#changedNamespaces = new Set();
    for (const name of changedNamespaces) {
      selections.namespaceChanged(name);
      yield;
    }
    yield* this.#updateSubjects(locals);
    for (const address of addresses) namedBlocks.addressChanged(address);
    yield* blocks.update();
    yield* this.#updatePeers(addresses);
  }

  #takeChanges(): void {
    const { changed } = this.#register.rules;
    if (changed.isEmpty && this.#changedPeers.isEmpty && this.#version > 0) return;
    const [rules, peers] = [changed.take(), this.#changedPeers.take()];
    this.#changes = rules && peers && this.#version > 0 ? { since: this.#version, rules, peers } : undefined;
    this.#version++;
  }

  #policiesIn(namespace: string): readonly NetworkPolicy[] {
    return this.#options.policies.byIndex(byNamespace, namespace);
  }

  #policyChanged(change: Change<NetworkPolicy>): void {
    const policy = changed(change);
    const namespace = policy.metadata.namespace!;
    const keys = this.#changedPolicies.get(namespace);
    if (keys) keys.add(keyOf(policy));
    else this.#changedPolicies.set(namespace, new Set([keyOf(policy)]));
    this.#pods.open();
    this.#options.onChange();
  }

  #namespaceChanged(change: Change<Namespace>): void {
    const { old, new: now } = change;
    if (old && now && deepEqual(old.metadata.labels, now.metadata.labels)) return;
    this.#changedNamespaces.add(changed(change).metadata.name);
    if (this.#subjects.size > 0) this.#options.onChange();
  }

  /** This node's pods that policies might concern. */
  #locals(): Local[] {
    const found: Local[] = [];
    const known = new Map<PodEntry, readonly string[]>();
    const unknown = new Set<string>();
    const names = new Set<string>();
    for (const local of this.#options.localPods()) {
      const ips = local.ips.map(formatIp);
      const pod = this.#podOf(local);
      names.add(`${local.namespace}/${local.name}`);
      if (pod?.spec?.hostNetwork) continue;
      const entry = pod && this.#index.get(keyOf(pod));
      if (entry) known.set(entry, ips);
      else for (const ip of ips) unknown.add(ip);
      found.push({ ips, entry, namespace: local.namespace });
    }
    this.#index.setLocal(known, unknown);
    this.#pods.forgetAllBut(names);
    return found;
  }

  #podOf({ namespace, name, uid }: LocalPod): Pod | undefined {
    const pod = this.#pods.get(`${namespace}/${name}`);
    return pod && isSamePod(pod, uid) ? pod : undefined;
  }

  *#updateSubjects(locals: readonly Local[]): Generator<void> {
    const changes = this.#changedPolicies;
    this.#changedPolicies = new Map();
    const wanted = new Set<Identity>();
    for (const { entry, namespace } of locals)
      if (entry && this.#policiesIn(namespace).length > 0) wanted.add(entry.identity);
    for (const [identity, subject] of this.#subjects) {
      if (wanted.has(identity)) {
        for (const key of changes.get(identity.namespace) ?? [])
          yield* subject.consider(key, this.#options.policies.get(key));
      } else {
        yield* subject.drop();
        this.#subjects.delete(identity);
      }
    }
    for (const identity of wanted) if (!this.#subjects.has(identity)) yield* this.#addSubject(identity);
  }

  *#addSubject(identity: Identity): Generator<void> {
    const subject = new Subject(identity, this.#register);
    this.#subjects.set(identity, subject);
    for (const policy of this.#policiesIn(identity.namespace)) yield* subject.consider(keyOf(policy), policy);
  }

  *#updatePeers(addresses: Iterable<string>): Generator<void> {
    for (const address of addresses) this.#updatePeer(address);
    const turned = this.#turned;
    this.#turned = new Set();
    for (const { members } of turned) {
      for (const entry of inSteps(members)) {
        if (entry) for (const address of ipsOf(entry)) this.#updatePeer(address);
        else yield;
      }
      yield;
    }
  }

  #updatePeer(address: string): void {
    const identity = this.#index.ownerOf(address)?.identity;
    const number = identity && identity.uses > 0 ? identity.number : undefined;
    if (this.#peers.get(address) === number) return;
    this.#changedPeers.add(address);
    if (number === undefined) this.#peers.delete(address);
    else this.#peers.set(address, number);
  }

  #podPolicies(locals: readonly Local[]): Map<string, PodPolicy> {
    const policies = new Map<string, PodPolicy>();
    for (const { ips, entry, namespace } of locals) {
      const policy = entry ? this.#podPolicy(entry) : this.#policiesIn(namespace).length > 0 && closed;
      if (policy && (policy.ingress || policy.egress)) for (const ip of ips) policies.set(ip, policy);
    }
    return policies;
  }

  #podPolicy({ identity }: PodEntry): PodPolicy | undefined {
    const subject = this.#subjects.get(identity);
    if (subject === undefined) return undefined;
    const [ingress, egress] = [subject.isIsolated('ingress'), subject.isIsolated('egress')];
    return { subject: identity.number, ingress, egress };
  }
}

function changed<T extends KubeObject>({ old, new: now }: Change<T>): T {
  return (now ?? old)!;
}
