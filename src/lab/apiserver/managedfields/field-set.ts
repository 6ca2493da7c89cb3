/**
 * Sets of fields as managedFields holds them (FieldsV1, sigs.k8s.io/structured-merge-diff, fieldpath): a tree whose
 * steps are `f:NAME` for a field or a map's key, `k:{…}` for an item of a list with keys, `v:…` for one of a set.
 */
import { isJsonObject, type JsonObject } from '../json.ts';

/** The node itself is a member: beside members below it. */
const itself = '.';

export class FieldSet {
  readonly members = new Set<string>();
  readonly children = new Map<string, FieldSet>();

  /** Steps that are no step are left out, as a client may have written anything. */
  static fromJson(json: unknown): FieldSet {
    const set = new FieldSet();
    if (!isJsonObject(json)) return set;
    for (const [step, below] of Object.entries(json)) {
      if (!/^[fkv]:/s.test(step) || !isJsonObject(below)) continue;
      if (Object.keys(below).length === 0 || itself in below) set.members.add(step);
      const child = FieldSet.fromJson(below);
      if (!child.isEmpty()) set.children.set(step, child);
    }
    return set;
  }

  toJson(): JsonObject {
    const json: JsonObject = {};
    for (const step of [...new Set([...this.members, ...this.children.keys()])].sort()) {
      const below = this.children.get(step)?.toJson() ?? {};
      json[step] =
        this.members.has(step) && Object.keys(below).length > 0 ? { [itself]: {}, ...below } : below;
    }
    return json;
  }

  isEmpty(): boolean {
    if (this.members.size > 0) return false;
    for (const child of this.children.values()) if (!child.isEmpty()) return false;
    return true;
  }

  /** The set below a step, made where there is none. */
  at(step: string): FieldSet {
    let child = this.children.get(step);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(step, child);
    }
    return child;
  }

  /** Whether the step is a member or has members below it. */
  touches(step: string): boolean {
    return this.members.has(step) || this.children.get(step)?.isEmpty() === false;
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty() && other.difference(this).isEmpty();
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const set of [this, other]) {
      for (const step of set.members) result.members.add(step);
      for (const [step, child] of set.children)
        result.children.set(step, (result.children.get(step) ?? new FieldSet()).union(child));
    }
    return result;
  }

  difference(other: FieldSet): FieldSet {
    return this.#kept(
      (step) => !other.members.has(step),
      (child, step) => child.difference(other.children.get(step) ?? none),
    );
  }

  intersection(other: FieldSet): FieldSet {
    return this.#kept(
      (step) => other.members.has(step),
      (child, step) => child.intersection(other.children.get(step) ?? none),
    );
  }

  #kept(isKept: (step: string) => boolean, below: (child: FieldSet, step: string) => FieldSet): FieldSet {
    const result = new FieldSet();
    for (const step of this.members) if (isKept(step)) result.members.add(step);
    for (const [step, child] of this.children) {
      const kept = below(child, step);
      if (!kept.isEmpty()) result.children.set(step, kept);
    }
    return result;
  }

  /** Without these fields and all that is below them. */
  without(paths: readonly (readonly string[])[]): FieldSet {
    let result: FieldSet = this;
    for (const path of paths) result = result.#withoutPath(path);
    return result;
  }

  #withoutPath([step, ...rest]: readonly string[]): FieldSet {
    return this.#kept(
      (member) => rest.length > 0 || member !== step,
      (child, at) => (at !== step ? child : rest.length === 0 ? none : child.#withoutPath(rest)),
    );
  }

  /** Every member as people read it: `.spec.containers[name="web"].image`. */
  paths(prefix = ''): string[] {
    const own = [...this.members].map((step) => prefix + readable(step));
    const below = [...this.children].flatMap(([step, child]) => child.paths(prefix + readable(step)));
    return [...own, ...below];
  }
}

const none = new FieldSet();

function readable(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith('f:')) return `.${rest}`;
  if (step.startsWith('v:')) return `[=${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as JsonObject);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
