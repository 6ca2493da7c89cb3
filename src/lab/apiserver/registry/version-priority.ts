/** Which of a group's versions comes first (apimachinery, version/helpers.go): v2, v1, v2beta1, v1beta2, v1alpha1, others. */

const pattern = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const stages = ['alpha', 'beta', undefined];

export function compareVersions(a: string, b: string): number {
  const [left, right] = [pattern.exec(a), pattern.exec(b)];
  if (left === null || right === null) {
    if (left !== null) return -1;
    return right !== null ? 1 : a < b ? -1 : 1;
  }
  return (
    stages.indexOf(right[2]) - stages.indexOf(left[2]) ||
    Number(right[1]) - Number(left[1]) ||
    Number(right[3] ?? 0) - Number(left[3] ?? 0)
  );
}
