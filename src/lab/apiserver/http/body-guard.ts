/** What no body may be, whatever its kind: too deep to be written again, or with names that objects have themselves. */
import { badRequest } from '../status.ts';

/** Deeper than any object of Kubernetes; kube-apiserver stops at 10,000. */
const maxDepth = 1000;

/** @throws ApiError BadRequest */
export function guardBody(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) throw badRequest(`the object provided is nested deeper than ${maxDepth} levels`);
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw badRequest('the name "__proto__" is not supported by this server');
    guardBody((value as Record<string, unknown>)[key], depth + 1);
  }
}
