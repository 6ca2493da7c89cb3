/** Completion indexes of an Indexed Job: `1,3-5,7` in its status, an annotation on each pod. */
import type { Job, Pod } from '../../../kube/types.ts';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

/** -1 for a pod that has none. */
export function indexOf({ metadata }: Pod): number {
  const text = metadata.annotations?.[indexAnnotation] ?? '';
  return /^\d+$/.test(text) ? Number(text) : -1;
}

/** Of text as `formatIndexes` writes it. */
export function parseIndexes(text: string): Set<number> {
  const indexes = new Set<number>();
  for (const range of text.split(',').filter((part) => part !== '')) {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    for (let index = first; index <= last; index++) indexes.add(index);
  }
  return indexes;
}

/** In order, three and more in a row as a range. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const index of sorted) {
    const run = runs.at(-1);
    if (run !== undefined && index === run[1] + 1) run[1] = index;
    else runs.push([index, index]);
  }
  return runs
    .map(([first, last]) =>
      first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`,
    )
    .join(',');
}

/** Those of earlier pods, and of pods that have succeeded. */
export function completedIndexes({ spec, status }: Job, pods: readonly Pod[]): Set<number> {
  const indexes = parseIndexes(status?.completedIndexes ?? '');
  for (const pod of pods) if (pod.status?.phase === 'Succeeded') indexes.add(indexOf(pod));
  const completions = spec?.completions ?? 0;
  return new Set([...indexes].filter((index) => index >= 0 && index < completions));
}
