/**
 * Service-link variables: of each Service of the pod's namespace that has a cluster IP, and always of
 * default/kubernetes; names and order as kubelet's `envvars.FromServices`.
 */
import type { Service } from '../../kube/types.ts';

type Port = NonNullable<NonNullable<Service['spec']>['ports']>[number];

export interface LinkInput {
  namespace: string;
  /** False for enableServiceLinks: false. */
  enabled: boolean;
  /** Of all namespaces that matter: the pod's own and default. */
  services: readonly Service[];
}

export function serviceLinks({ namespace, enabled, services }: LinkInput): Record<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { name, namespace: at } = service.metadata;
    const ip = service.spec?.clusterIP;
    if (ip === undefined || ip === '' || ip === 'None') continue;
    const isMaster = at === 'default' && name === 'kubernetes';
    if (at === namespace && enabled) chosen.set(name, service);
    else if (isMaster && !chosen.has(name)) chosen.set(name, service);
  }
  return Object.assign({}, ...[...chosen.values()].map(variablesOf));
}

function variablesOf(service: Service): Record<string, string> {
  const prefix = variableName(service.metadata.name);
  const host = service.spec!.clusterIP!;
  const ports = service.spec!.ports ?? [];
  if (ports.length === 0) return { [`${prefix}_SERVICE_HOST`]: host };
  const variables: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: host,
    [`${prefix}_SERVICE_PORT`]: String(ports[0]!.port),
  };
  for (const port of ports) {
    if (port.name) variables[`${prefix}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
  }
  ports.forEach((port, index) => {
    Object.assign(variables, dockerLinks(prefix, host, { port, isFirst: index === 0 }));
  });
  return variables;
}

function dockerLinks(prefix: string, host: string, { port, isFirst }: { port: Port; isFirst: boolean }) {
  const protocol = port.protocol ?? 'TCP';
  const lower = protocol.toLowerCase();
  const url = `${lower}://${host.includes(':') ? `[${host}]` : host}:${port.port}`;
  const of = `${prefix}_PORT_${port.port}_${protocol}`;
  return {
    ...(isFirst ? { [`${prefix}_PORT`]: url } : {}),
    [of]: url,
    [`${of}_PROTO`]: lower,
    [`${of}_PORT`]: String(port.port),
    [`${of}_ADDR`]: host,
  };
}

function variableName(name: string): string {
  return name.replaceAll('-', '_').toUpperCase();
}
