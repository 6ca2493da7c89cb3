/**
 * Which identities the selectors of policies hold. Each that is used is looked up once, and then told of every identity
 * and namespace that changes.
 */
import type { Labels } from '../../kube/selectors.ts';
import type { PodSelection } from './compiled-policy.ts';
import type { PodGrant } from './grant.ts';
import type { Identity } from './identity.ts';
import { inSteps } from './steps.ts';

export interface SelectionsOptions {
  identities: (namespace?: string) => Iterable<Identity>;
  /** Of a namespace; undefined where it is not there. */
  labelsOf: (namespace: string) => Labels | undefined;
  /** Rules have begun, or ceased, to name the identity. */
  onTurn: (identity: Identity) => void;
}

interface Selection {
  what: PodSelection;
  /** By name, those that were asked for: whether it selects them. */
  namespaces: Map<string, boolean>;
  members: Set<Identity>;
  grants: Set<PodGrant>;
}

export class Selections {
  readonly #options: SelectionsOptions;
  readonly #selections = new Map<string, Selection>();

  constructor(options: SelectionsOptions) {
    this.#options = options;
  }

  /** In short steps, as `remove`: it may hold all identities of a cluster. */
  *add(what: PodSelection, grant: PodGrant): Generator<void> {
    let selection = this.#selections.get(what.text);
    if (selection === undefined) {
      selection = { what, namespaces: new Map(), members: new Set(), grants: new Set() };
      this.#selections.set(what.text, selection);
      const only = typeof what.namespaces === 'string' ? what.namespaces : undefined;
      for (const identity of inSteps(this.#options.identities(only))) {
        if (identity) this.#reconsider(selection, identity);
        else yield;
      }
    }
    selection.grants.add(grant);
    for (const identity of inSteps(selection.members)) {
      if (identity) this.#gain(grant, identity);
      else yield;
    }
  }

  *remove({ text }: PodSelection, grant: PodGrant): Generator<void> {
    const selection = this.#selections.get(text)!;
    for (const identity of inSteps(selection.members)) {
      if (identity) this.#lose(grant, identity);
      else yield;
    }
    selection.grants.delete(grant);
    if (selection.grants.size === 0) this.#selections.delete(text);
  }

  /** It has appeared or vanished. */
  identityChanged(identity: Identity): void {
    for (const selection of this.#selections.values()) this.#reconsider(selection, identity);
  }

  /** It has appeared or vanished, or has other labels. */
  namespaceChanged(name: string): void {
    for (const selection of this.#selections.values()) {
      const { what, namespaces } = selection;
      if (typeof what.namespaces !== 'function') continue;
      const before = namespaces.get(name);
      namespaces.delete(name);
      if (before === this.#holdsNamespace(selection, name)) continue;
      for (const identity of this.#options.identities(name)) this.#reconsider(selection, identity);
    }
  }

  #reconsider(selection: Selection, identity: Identity): void {
    const { members, grants } = selection;
    const holds = identity.members.size > 0 && this.#holds(selection, identity);
    if (holds === members.has(identity)) return;
    if (holds) {
      members.add(identity);
      for (const grant of grants) this.#gain(grant, identity);
    } else {
      members.delete(identity);
      for (const grant of grants) this.#lose(grant, identity);
    }
  }

  #holds(selection: Selection, { namespace, labels }: Identity): boolean {
    return this.#holdsNamespace(selection, namespace) && selection.what.pods(labels);
  }

  #holdsNamespace({ what, namespaces }: Selection, name: string): boolean {
    if (typeof what.namespaces !== 'function') return (what.namespaces ?? name) === name;
    let holds = namespaces.get(name);
    if (holds === undefined) {
      const labels = this.#options.labelsOf(name);
      holds = labels !== undefined && what.namespaces(labels);
      namespaces.set(name, holds);
    }
    return holds;
  }

  #gain(grant: PodGrant, identity: Identity): void {
    if (grant.gain(identity) && identity.uses++ === 0) this.#options.onTurn(identity);
  }

  #lose(grant: PodGrant, identity: Identity): void {
    if (grant.lose(identity) && --identity.uses === 0) this.#options.onTurn(identity);
  }
}
