/** How a node task ended, as the line of its pod's log that says so: the log has what else was printed too. */
import { describeError, type ErrorCode, errorCatalogue, remedyOf, TendrilError } from '../util/errors.ts';

export type NodeTaskOutcome =
  | { report: unknown }
  | { error: { code: ErrorCode; message: string; remedy?: string } };

const mark = 'tendrilNodeTask';

/** One line. */
export function encodeOutcome(outcome: NodeTaskOutcome): string {
  return `${JSON.stringify({ [mark]: 1, ...outcome }, (_, value) => (typeof value === 'bigint' ? String(value) : value))}\n`;
}

/** The last one of a log; undefined where it tells none: the task was ended before. */
export function decodeOutcome(log: string): NodeTaskOutcome | undefined {
  const line = log.split('\n').findLast((each) => each.startsWith(`{"${mark}":`));
  if (line === undefined) return undefined;
  try {
    const { [mark]: _, ...outcome } = JSON.parse(line);
    return 'report' in outcome || isFailure(outcome) ? outcome : undefined;
  } catch {
    return undefined;
  }
}

function isFailure(outcome: Record<string, unknown>): boolean {
  return typeof (outcome.error as { message?: unknown } | undefined)?.message === 'string';
}

export function failedOutcome(error: unknown): NodeTaskOutcome {
  const code = error instanceof TendrilError ? error.code : 'INTERNAL';
  const remedy = remedyOf(error);
  return { error: { code, message: describeError(error), ...(remedy !== undefined && { remedy }) } };
}

/** What a task threw on its node, thrown here; `node` names it. */
export function errorOf(node: string, outcome: Extract<NodeTaskOutcome, { error: object }>): TendrilError {
  const { code, message, remedy } = outcome.error;
  const known = Object.hasOwn(errorCatalogue, code) ? code : 'INTERNAL';
  return new TendrilError(known, `${node}: ${message}`, remedy === undefined ? {} : { remedy });
}
