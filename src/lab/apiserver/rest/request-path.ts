/** What a request path of the API names. */
import type { Resource } from '../registry/resource.ts';
import type { ResourceRegistry } from '../registry/resource-registry.ts';

export interface Target {
  resource: Resource;
  namespace?: string;
  name?: string;
  subresource?: string;
  /** The deprecated `/watch/` prefix. */
  watch: boolean;
}

const ofNamespaces = new Set(['status', 'finalize']);

/** Undefined for what is no served resource's path. `logs` may hold slashes after the subresource; they are refused. */
export function parseResourcePath(resources: ResourceRegistry, path: string): Target | undefined {
  const [root, ...parts] = path.split('/').slice(1).map(decode);
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined) return undefined;
  const watch = parts[0] === 'watch';
  if (watch) parts.shift();
  let namespace: string | undefined;
  if (parts[0] === 'namespaces' && parts.length >= 3 && !ofNamespaces.has(parts[2]!)) {
    namespace = parts[1];
    parts.splice(0, 2);
  }
  const [plural = '', name, subresource] = parts;
  const resource = resources.find(group, version, plural);
  if (resource === undefined || name === '' || (namespace !== undefined && !resource.namespaced))
    return undefined;
  if (name !== undefined && resource.namespaced && namespace === undefined) return undefined;
  return { resource, namespace, name, subresource: subresource && parts.slice(2).join('/'), watch };
}

function decode(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
