/** The annotation by which `kubectl apply` without --server-side knows what it set. */
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import { validateAnnotations } from '../validation/object-meta.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Undefined where there is none that can be read. */
export function lastApplied({ metadata }: JsonObject): JsonObject | undefined {
  try {
    const value = JSON.parse(metadata?.annotations?.[annotation] ?? 'null');
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Names in order, as Go writes a map. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

/**
 * Keeps the annotation, where the object has it, true after an apply by the server (lastappliedupdater.go); it goes where
 * it would be longer than annotations may be.
 */
export function updateLastApplied(object: JsonObject, applied: JsonObject): void {
  const { annotations } = object.metadata;
  if (!annotations?.[annotation]) return;
  const { metadata, ...rest } = cloneJson(applied);
  const { annotations: own, ...others } = metadata ?? {};
  const { [annotation]: _, ...left } = own ?? {};
  const kept = Object.keys(left).length === 0 ? others : { ...others, annotations: left };
  const text = `${JSON.stringify(sorted({ ...rest, metadata: kept }))}\n`;
  const { [annotation]: _before, ...without } = annotations;
  const updated = { ...annotations, [annotation]: text };
  const fits = validateAnnotations(updated, 'metadata.annotations').length === 0;
  object.metadata = { ...object.metadata, annotations: fits ? updated : without };
}
