/** The Table that the API server makes of objects (meta.k8s.io/v1), printed as kubectl does. */
import { formatTable } from './table.ts';

export interface ServerTable {
  columnDefinitions: { name: string; type: string; format?: string; priority?: number }[];
  rows: { cells: unknown[]; object?: { metadata?: { name: string; namespace?: string } } }[];
}

export interface TableOptions {
  /** Show the columns of lower priority too. */
  wide: boolean;
  /** A first column with the namespace. */
  withNamespace: boolean;
  /** Put before names, `service/` for instance, where several kinds are shown. */
  prefix: string;
}

export function formatServerTable(table: ServerTable, options: TableOptions): string {
  const shown = table.columnDefinitions.flatMap((column, i) => (options.wide || !column.priority ? [i] : []));
  const header = shown.map((i) => table.columnDefinitions[i]!.name.toUpperCase());
  const rows = table.rows.map(({ cells, object }) => {
    const line = shown.map((i) => cellText(cells[i], i === 0 ? options.prefix : ''));
    return options.withNamespace ? [object?.metadata?.namespace ?? '', ...line] : line;
  });
  return formatTable(options.withNamespace ? ['NAMESPACE', ...header] : header, rows);
}

function cellText(cell: unknown, prefix: string): string {
  return cell === null || cell === undefined ? '<none>' : `${prefix}${cell}`;
}
