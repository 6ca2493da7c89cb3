/** A printer column: what `kubectl get` shows of an object. */
import { cloneJson, type JsonObject } from '../json.ts';

export type Cell = string | number | boolean | null;

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` marks the one that names the object. */
  format: string;
  description: string;
  /** 0 always, 1 with -o wide. */
  priority: number;
  /** `now` in ms. */
  cell(object: JsonObject, now: number): Cell;
}

type CellOf = Column['cell'];

export function column(name: string, cell: CellOf, description = name): Column {
  return { name, type: 'string', format: '', description, priority: 0, cell };
}

export function wide(name: string, cell: CellOf, description = name): Column {
  return { ...column(name, cell, description), priority: 1 };
}

export function integer(name: string, cell: CellOf, description = name): Column {
  return { ...column(name, cell, description), type: 'integer' };
}

/** Go's metav1 HumanDuration: two units at most, and fewer the longer it is. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 120) return `${Math.max(0, seconds)}s`;
  const minutes = Math.trunc(seconds / 60);
  const two = (big: number, bigUnit: string, small: number, smallUnit: string) =>
    small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

export function since(time: string | undefined, now: number): string {
  return time ? humanDuration(now - Date.parse(time)) : '<unknown>';
}

export const nameColumn: Column = {
  ...column('Name', (o) => o.metadata.name),
  format: 'name',
  description: 'Name must be unique within a namespace.',
};

export const ageColumn: Column = column('Age', (o, now) => since(o.metadata.creationTimestamp, now));

/** Columns of another face: their cells read objects in the form that they are stored in. */
export function facedColumns(
  columns: readonly Column[],
  toStored: (object: JsonObject) => JsonObject,
): Column[] {
  return columns.map((c) => ({ ...c, cell: (object, now) => c.cell(toStored(cloneJson(object)), now) }));
}

export const orNone = (text: unknown): string =>
  text === undefined || text === null || text === '' ? '<none>' : String(text);

/** `a=b,c=d`, as LABELS and SELECTOR columns show it. */
export function mapText(map: Record<string, string> | undefined): string {
  return orNone(
    Object.entries(map ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${k}=${v}`)
      .join(','),
  );
}
