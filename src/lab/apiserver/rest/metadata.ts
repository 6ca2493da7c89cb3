/** What holds for every object's metadata. */
import type { JsonObject } from '../json.ts';

const omittedWhenEmpty = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;

/** Lists and maps without entries are left out, as Go's `omitempty` does: clients tell the two apart. */
export function dropEmptyMetadata(metadata: JsonObject): void {
  for (const key of omittedWhenEmpty) {
    const value = metadata[key];
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) delete metadata[key];
  }
}
