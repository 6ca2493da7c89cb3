/** events.k8s.io/v1 and core/v1 Events are the same objects under two shapes; the core one is stored. */
import type { JsonObject } from '../../json.ts';

function renamed(
  from: JsonObject,
  names: readonly (readonly [string, string])[],
  apiVersion: string,
): JsonObject {
  const { apiVersion: _, ...rest } = from;
  const result: JsonObject = { apiVersion, ...rest };
  for (const [was, is] of names) {
    if (!(was in result)) continue;
    result[is] = result[was];
    delete result[was];
  }
  return result;
}

const names = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
] as const;

export const eventConversion = {
  toStored: (event: JsonObject) => ({ involvedObject: {}, source: {}, ...renamed(event, names, 'v1') }),
  fromStored: (event: JsonObject) =>
    renamed(
      event,
      names.map(([a, b]) => [b, a] as const),
      'events.k8s.io/v1',
    ),
};
