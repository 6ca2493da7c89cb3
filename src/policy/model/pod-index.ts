/**
 * The cluster's pods by identity and by address, kept as they change: with 150,000 of them nothing may be made anew.
 * What has changed is noted until `takeChanges` asks for it.
 */
import { keyOf } from '../../kube/meta.ts';
import type { Pod } from '../../kube/types.ts';
import { canonicalIp } from '../../net/ip.ts';
import { newestFirst } from './age.ts';
import { Identity, identityText } from './identity.ts';

export interface PodEntry {
  pod: Pod;
  identity: Identity;
  /** As the API has them; none of a pod that is finished. */
  statusIps: readonly string[];
  /** Its containers have ended for good: its addresses may be another's. */
  finished: boolean;
  /** As this node's network has them, which then count instead. */
  localIps: readonly string[] | undefined;
}

export interface PodChanges {
  /** That have appeared or, having no members any more, vanished. */
  identities: ReadonlySet<Identity>;
  /** That may be another pod's, or another identity's, where rules name one of these. */
  addresses: ReadonlySet<string>;
}

/** A pod that was looked at, by what it shares with others. */
interface SeenPod {
  identity: Identity;
  containers: unknown;
  initContainers: unknown;
}

const none: readonly string[] = [];
const noLabels = {};
/** Of one set of labels; without sharing each pod has its own. */
const seenLimit = 50;

export class PodIndex {
  readonly #identities = new Map<string, Identity>();
  readonly #byNamespace = new Map<string, Set<Identity>>();
  readonly #entries = new Map<string, PodEntry>();
  /** Most often one pod's, of very many. */
  readonly #claims = new Map<string, PodEntry | PodEntry[]>();
  /** Addresses that somebody was told of. */
  readonly #told: ReadonlyMap<string, unknown>;
  #locals = new Set<PodEntry>();
  /** Of local pods that the API does not know: nobody else's, whatever it says. */
  #unknown: ReadonlySet<string> = new Set();
  readonly #seen = new WeakMap<object, SeenPod[]>();
  /** Addresses are noted also of pods that no rule names. */
  notesAll = false;
  #changes = { identities: new Set<Identity>(), addresses: new Set<string>() };

  constructor(told: ReadonlyMap<string, unknown>) {
    this.#told = told;
  }

  get(key: string): PodEntry | undefined {
    return this.#entries.get(key);
  }

  identities(namespace?: string): Iterable<Identity> {
    if (namespace === undefined) return this.#identities.values();
    return this.#byNamespace.get(namespace) ?? [];
  }

  /** Whose the address is: a local pod's before others, and the newest's of those. */
  ownerOf(ip: string): PodEntry | undefined {
    if (this.#unknown.has(ip)) return undefined;
    const claim = this.#claims.get(ip);
    if (!Array.isArray(claim)) return claim;
    const local = claim.filter(({ localIps }) => localIps);
    return [...(local.length > 0 ? local : claim)].sort((a, b) => newestFirst(a.pod, b.pod))[0];
  }

  /** Takes in a pod, new or changed. Whether that makes a difference. */
  set(pod: Pod): boolean {
    const key = keyOf(pod);
    // Its address is its node's.
    if (pod.spec?.hostNetwork) return this.delete(key);
    const entry = this.#entries.get(key);
    const ips = addressesOf(pod);
    if (entry === undefined) return this.#add(key, { pod, statusIps: ips });
    const identity = this.#identityOf(pod);
    const finished = isFinished(pod);
    const disputed = ipsOf(entry).some((ip) => Array.isArray(this.#claims.get(ip)));
    const same = identity === entry.identity && finished === entry.finished && !disputed;
    if (same && equalTexts(ips, entry.statusIps)) {
      entry.pod = pod;
      return false;
    }
    this.#alter(entry, () => {
      if (identity !== entry.identity) this.#leave(entry);
      this.#join(entry, identity);
      Object.assign(entry, { pod, finished, statusIps: ips });
    });
    return true;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#locals.delete(entry);
    this.#alter(entry, () => Object.assign(entry, { statusIps: none, localIps: undefined }));
    this.#leave(entry);
    return true;
  }

  /** Which pods are this node's, with which addresses, and the addresses of those that are nobody's yet. */
  setLocal(locals: ReadonlyMap<PodEntry, readonly string[]>, unknown: ReadonlySet<string>): void {
    const gone = [...this.#locals].filter((entry) => !locals.has(entry));
    for (const entry of gone) this.#alter(entry, () => Object.assign(entry, { localIps: undefined }));
    for (const [entry, ips] of locals) {
      if (entry.localIps && equalTexts(entry.localIps, ips)) continue;
      this.#alter(entry, () => Object.assign(entry, { localIps: ips }));
    }
    this.#locals = new Set(locals.keys());
    const differs = [...unknown, ...this.#unknown].filter((ip) => unknown.has(ip) !== this.#unknown.has(ip));
    for (const ip of differs) this.#changes.addresses.add(ip);
    this.#unknown = unknown;
  }

  /** What was noted since the last time. */
  takeChanges(): PodChanges {
    const changes = this.#changes;
    this.#changes = { identities: new Set(), addresses: new Set() };
    for (const identity of changes.identities) if (identity.members.size === 0) this.#forget(identity);
    return changes;
  }

  #add(key: string, { pod, statusIps }: Pick<PodEntry, 'pod' | 'statusIps'>): boolean {
    const identity = this.#identityOf(pod);
    const entry = { pod, identity, statusIps, finished: isFinished(pod), localIps: undefined };
    this.#entries.set(key, entry);
    this.#join(entry, identity);
    for (const ip of statusIps) this.#claim(ip, entry);
    return true;
  }

  /** Where pods share equal labels and containers, as those of `keepPod`, they were mostly seen before. */
  #identityOf(pod: Pod): Identity {
    const { namespace, labels = noLabels } = pod.metadata;
    const { containers, initContainers } = pod.spec ?? {};
    const seen = this.#seen.get(labels) ?? [];
    if (seen.length === 0) this.#seen.set(labels, seen);
    const same = seen.find(
      (one) =>
        one.identity.namespace === namespace &&
        one.containers === containers &&
        one.initContainers === initContainers,
    );
    if (same && this.#identities.get(same.identity.text) === same.identity) return same.identity;
    const identity = this.#identityNamed(identityText(pod), pod);
    if (same) same.identity = identity;
    else seen.push({ identity, containers, initContainers });
    if (seen.length > seenLimit) seen.shift();
    return identity;
  }

  #identityNamed(text: string, pod: Pod): Identity {
    const known = this.#identities.get(text);
    if (known) return known;
    const identity = new Identity(text, pod);
    this.#identities.set(text, identity);
    const siblings = this.#byNamespace.get(identity.namespace);
    if (siblings) siblings.add(identity);
    else this.#byNamespace.set(identity.namespace, new Set([identity]));
    this.#changes.identities.add(identity);
    return identity;
  }

  #join(entry: PodEntry, identity: Identity): void {
    identity.members.add(entry);
    entry.identity = identity;
  }

  #leave(entry: PodEntry): void {
    const { identity } = entry;
    identity.members.delete(entry);
    if (identity.members.size === 0) this.#changes.identities.add(identity);
  }

  #forget(identity: Identity): void {
    this.#identities.delete(identity.text);
    const siblings = this.#byNamespace.get(identity.namespace);
    siblings?.delete(identity);
    if (siblings?.size === 0) this.#byNamespace.delete(identity.namespace);
  }

  #alter(entry: PodEntry, change: () => void): void {
    for (const ip of ipsOf(entry)) this.#unclaim(ip, entry);
    change();
    for (const ip of ipsOf(entry)) this.#claim(ip, entry);
  }

  #note(ip: string, { identity }: PodEntry): void {
    const matters = this.notesAll || identity.uses > 0 || this.#told.has(ip);
    if (matters || Array.isArray(this.#claims.get(ip))) this.#changes.addresses.add(ip);
  }

  #claim(ip: string, entry: PodEntry): void {
    const claim = this.#claims.get(ip);
    if (claim === undefined) this.#claims.set(ip, entry);
    else if (Array.isArray(claim)) claim.push(entry);
    else this.#claims.set(ip, [claim, entry]);
    this.#note(ip, entry);
  }

  #unclaim(ip: string, entry: PodEntry): void {
    const claim = this.#claims.get(ip);
    this.#note(ip, entry);
    const left = Array.isArray(claim) ? claim.filter((one) => one !== entry) : [];
    if (left.length > 1) this.#claims.set(ip, left);
    else if (left.length === 1) this.#claims.set(ip, left[0]!);
    else this.#claims.delete(ip);
  }
}

/** The addresses that count. */
export function ipsOf({ finished, statusIps, localIps }: PodEntry): readonly string[] {
  if (localIps === undefined) return statusIps;
  return finished ? none : localIps;
}

function addressesOf(pod: Pod): readonly string[] {
  const { podIPs, podIP } = pod.status ?? {};
  if (isFinished(pod)) return none;
  const texts = podIPs?.map(({ ip }) => ip ?? '') ?? [podIP ?? ''];
  return [...new Set(texts.flatMap((text) => canonicalIp(text) ?? none))];
}

function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function equalTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
