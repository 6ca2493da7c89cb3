/**
 * An object seen through its schema: which fields it has, how two differ, what comes of merging one into another
 * (sigs.k8s.io/structured-merge-diff, typed).
 */
import { equalJson, isJsonObject, type JsonObject } from '../json.ts';
import type { Schema } from '../schema/definitions.ts';
import { badRequest } from '../status.ts';
import { FieldSet } from './field-set.ts';
import { type SchemaSource, type Structure, structureOf } from './structure.ts';

export interface Comparison {
  /** Fields whose value is new or another one. */
  changed: FieldSet;
  removed: FieldSet;
}

interface Member {
  step: string;
  value: unknown;
  schema: Schema;
}

export class TypedValues {
  readonly #schemas: SchemaSource;
  readonly #root: Schema;

  /** `root` describes whole objects. */
  constructor(schemas: SchemaSource, root: Schema) {
    this.#schemas = schemas;
    this.#root = root;
  }

  /** All fields of an object. Throws BadRequest for a list with one key twice, or without one. */
  fieldsOf(object: JsonObject): FieldSet {
    const set = new FieldSet();
    this.#collect(object, this.#root, set, '');
    return set;
  }

  /** What a write has done to each field. */
  compare(before: JsonObject, after: JsonObject): Comparison {
    const comparison = { changed: new FieldSet(), removed: new FieldSet() };
    this.#compare(before, after, this.#root, comparison);
    return comparison;
  }

  /** What `applied` says over what is there; neither is changed. */
  merge(live: JsonObject, applied: JsonObject): JsonObject {
    return this.#merge(live, applied, this.#root) as JsonObject;
  }

  /** Without the fields that are members of `gone`; what is left empty by that goes too. */
  remove(object: JsonObject, gone: FieldSet): JsonObject {
    return (this.#remove(object, gone, this.#root) ?? {}) as JsonObject;
  }

  #structure(schema: Schema, value: unknown): Structure {
    return structureOf(this.#schemas, schema, value);
  }

  /** Fields or items, each with its step; undefined for what is merged whole. */
  #membersOf(structure: Structure, value: unknown, path: string): Member[] | undefined {
    if (structure.kind === 'fields') {
      return Object.entries(value as JsonObject).flatMap(([key, member]) => {
        const schema = structure.fieldOf(key);
        return schema === undefined || member === undefined
          ? []
          : [{ step: `f:${key}`, value: member, schema }];
      });
    }
    if (structure.kind === 'whole') return undefined;
    const seen = new Set<string>();
    return (value as unknown[]).map((item) => {
      const step = structure.stepOf(item, path);
      if (seen.has(step)) throw badRequest(`${path}: duplicate entries for key ${bracketed(step)}`);
      seen.add(step);
      return { step, value: item, schema: structure.items };
    });
  }

  #collect(value: unknown, schema: Schema, set: FieldSet, path: string): void {
    const structure = this.#structure(schema, value);
    for (const member of this.#membersOf(structure, value, path) ?? []) {
      const inner = this.#structure(member.schema, member.value);
      const isLeaf = inner.kind === 'whole' || isEmpty(member.value);
      const ownMember = structure.kind === 'items' || (structure.kind === 'fields' && structure.isMap);
      if (isLeaf || ownMember) set.members.add(member.step);
      if (isLeaf) continue;
      const child = new FieldSet();
      this.#collect(member.value, member.schema, child, `${path}.${member.step.slice(2)}`);
      if (!child.isEmpty()) set.children.set(member.step, child);
    }
  }

  #compare(before: unknown, after: unknown, schema: Schema, to: Comparison): void {
    const had = this.#byStep(before, schema);
    const has = this.#byStep(after, schema);
    for (const [step, member] of has) {
      const old = had.get(step);
      if (old?.value !== member.value) this.#compareMember(old, member, step, to);
    }
    for (const [step, old] of had) {
      if (has.has(step)) continue;
      to.removed.members.add(step);
      this.#note(old, to.removed, step);
    }
  }

  #byStep(value: unknown, schema: Schema): Map<string, Member> {
    const members = value === undefined ? [] : this.#membersOf(this.#structure(schema, value), value, '');
    return new Map((members ?? []).map((member) => [member.step, member]));
  }

  #compareMember(old: Member | undefined, now: Member, step: string, to: Comparison): void {
    const { value, schema } = now;
    if (old === undefined) {
      to.changed.members.add(step);
      this.#note(now, to.changed, step);
      return;
    }
    const [was, is] = [this.#structure(schema, old.value), this.#structure(schema, value)];
    if (was.kind === 'whole' || is.kind === 'whole' || was.kind !== is.kind) {
      if (!equalJson(old.value, value)) to.changed.members.add(step);
      return;
    }
    const below = { changed: new FieldSet(), removed: new FieldSet() };
    this.#compare(old.value, value, schema, below);
    if (!below.changed.isEmpty()) to.changed.children.set(step, below.changed);
    if (!below.removed.isEmpty()) to.removed.children.set(step, below.removed);
  }

  /** All that is below a field that came or went as a whole. */
  #note(member: Member, set: FieldSet, step: string): void {
    const members = this.#membersOf(this.#structure(member.schema, member.value), member.value, '');
    for (const inner of members ?? []) {
      const child = set.at(step);
      child.members.add(inner.step);
      this.#note(inner, child, inner.step);
    }
  }

  #merge(live: unknown, applied: unknown, schema: Schema): unknown {
    const structure = this.#structure(schema, applied);
    if (live === undefined || structure.kind === 'whole') return applied;
    if (structure.kind === 'fields') {
      if (!isJsonObject(live)) return applied;
      const merged: JsonObject = { ...live };
      for (const [key, value] of Object.entries(applied as JsonObject))
        merged[key] = this.#merge(live[key], value, structure.fieldOf(key) ?? {});
      return merged;
    }
    return Array.isArray(live) ? this.#mergeItems(live, applied as unknown[], structure) : applied;
  }

  /** In the applied order; what only the live list has stays before the shared item that it was before. */
  #mergeItems(
    live: unknown[],
    applied: unknown[],
    { stepOf, items }: Extract<Structure, { kind: 'items' }>,
  ): unknown[] {
    const before = new Map(live.map((item) => [stepOf(item, ''), item]));
    const wanted = new Map(applied.map((item) => [stepOf(item, ''), item]));
    const shared = [...wanted.keys()].filter((step) => before.has(step));
    const left = [...before];
    const merged: unknown[] = [];
    const takeOthers = () => {
      while (left.length > 0 && left[0]![0] !== shared[0]) {
        const [step, item] = left.shift()!;
        if (!wanted.has(step)) merged.push(item);
      }
    };
    for (const [step, item] of wanted) {
      takeOthers();
      merged.push(this.#merge(before.get(step), item, items));
      if (step === shared[0]) shared.shift();
      if (step === left[0]?.[0]) left.shift();
    }
    takeOthers();
    return merged;
  }

  #remove(value: unknown, gone: FieldSet, schema: Schema): unknown {
    const structure = this.#structure(schema, value);
    if (structure.kind === 'whole' || gone.isEmpty()) return value;
    if (structure.kind === 'fields') {
      const kept: JsonObject = {};
      for (const [key, member] of Object.entries(value as JsonObject)) {
        const left = this.#left(`f:${key}`, member, gone, structure.fieldOf(key) ?? {});
        if (left !== undefined) kept[key] = left;
      }
      return Object.keys(kept).length === 0 ? undefined : kept;
    }
    const kept = (value as unknown[]).flatMap((item) => {
      const left = this.#left(structure.stepOf(item, ''), item, gone, structure.items);
      return left === undefined ? [] : [left];
    });
    return kept.length === 0 ? undefined : kept;
  }

  #left(step: string, value: unknown, gone: FieldSet, schema: Schema): unknown {
    if (gone.members.has(step)) return undefined;
    const below = gone.children.get(step);
    return below === undefined ? value : this.#remove(value, below, schema);
  }
}

const isEmpty = (value: unknown) =>
  Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;

function bracketed(step: string): string {
  const inner = new FieldSet();
  inner.members.add(step);
  return inner.paths()[0]!;
}
