/** Which of two pods, or of two versions of one, is the newer. */
import type { Pod } from '../../kube/types.ts';

/** By creation, then by their last change, then by anything that is the same on all nodes. */
export function newestFirst(a: Pod, b: Pod): number {
  const created = compareTexts(b.metadata.creationTimestamp, a.metadata.creationTimestamp);
  return (
    created ||
    compareVersions(b.metadata.resourceVersion, a.metadata.resourceVersion) ||
    compareTexts(b.metadata.uid, a.metadata.uid)
  );
}

/** Whether `a` is a later version, or a later pod of the name. */
export function isLaterVersion(a: Pod, b: Pod): boolean {
  return compareVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) > 0;
}

/** Versions are whole numbers (KEP-5504), of more digits than a double holds. */
function compareVersions(a = '', b = ''): number {
  return a.length - b.length || compareTexts(a, b);
}

function compareTexts(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
