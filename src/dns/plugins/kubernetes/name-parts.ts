/** Takes a name of the cluster zone apart: which Service, endpoint, port or pod it asks for. */

export interface NameParts {
  /** Absent for the zone itself, and with `svc` or `pod` alone only this is there. */
  kind?: 'svc' | 'pod';
  namespace?: string;
  /** The Service's name; below `pod`, the pod's address with dashes. */
  service?: string;
  endpoint?: string;
  /** Without their underscores; '' matches every port or protocol. */
  port?: string;
  protocol?: string;
  /** Multicluster: the cluster that the endpoint is of. */
  cluster?: string;
  /** Which topology zone's endpoints a name of the option `zonal` asks for; `prefer`: all where it has none. */
  zone?: string;
  prefer?: boolean;
}

export interface NameGrammar {
  multicluster: boolean;
  zonal: boolean;
}

/**
 * The parts of a canonical name relative to the zone ('' is the zone itself):
 *
 *     _port._protocol.service.namespace.svc
 *     endpoint.service.namespace.svc
 *     endpoint.cluster.service.namespace.svc             multicluster
 *     zone.pin|prefer._zone.service.namespace.svc        zonal; a zone may have dots
 *     1-2-3-4.namespace.pod
 *
 * Undefined for what no name of the zone looks like.
 */
export function partsOf(relative: string, grammar: NameGrammar): NameParts | undefined {
  if (relative === '') return {};
  const labels = relative.includes('\\') ? relative.split(/(?<!\\)\./) : relative.split('.');
  const kind = labels.pop();
  if (kind !== 'svc' && kind !== 'pod') return undefined;
  const parts: NameParts = { kind };
  if (labels.length > 0) parts.namespace = labels.pop()!;
  if (labels.length > 0) parts.service = labels.pop()!;
  return labels.length === 0 ? parts : below(parts, labels, grammar);
}

/** What stands left of the Service's name. */
function below(parts: NameParts, labels: string[], grammar: NameGrammar): NameParts | undefined {
  const [first, second] = labels as [string, string | undefined];
  if (second === undefined) return { ...parts, endpoint: first };
  if (labels.length > 2) return zonal(parts, labels, grammar);
  if (grammar.multicluster && !first.startsWith('_') && !second.startsWith('_'))
    return { ...parts, endpoint: first, cluster: second };
  return { ...parts, port: withoutUnderscore(first), protocol: withoutUnderscore(second) };
}

function zonal(parts: NameParts, labels: string[], grammar: NameGrammar): NameParts | undefined {
  if (!grammar.zonal || grammar.multicluster || parts.kind !== 'svc' || labels.pop() !== '_zone')
    return undefined;
  const directive = labels.pop();
  if (directive !== 'pin' && directive !== 'prefer') return undefined;
  return { ...parts, zone: labels.join('.'), prefer: directive === 'prefer' };
}

export function withoutUnderscore(label: string): string {
  return label.startsWith('_') ? label.slice(1) : label;
}
