/** What k8s_external asks of the cluster: external addresses of Services, by `service.namespace` in a zone of its own. */
import { tryParseIp } from '../../../net/ip.ts';
import { type Backend, type Found, matchesPort } from './backends.ts';
import { withoutUnderscore } from './name-parts.ts';
import { inZone } from './records.ts';
import type { ZoneLookup } from './zone-lookup.ts';

interface ExternalParts {
  namespace: string;
  service?: string;
  endpoint?: string;
  port?: string;
  protocol?: string;
}

/** `[_port._protocol.|endpoint.]service.namespace`; undefined for what is longer. */
function partsOf(relative: string): ExternalParts | undefined {
  const labels = relative.split('.');
  const namespace = labels.pop()!;
  const service = labels.pop();
  const [first, second] = labels.map(withoutUnderscore) as [string?, string?];
  if (labels.length > 2) return undefined;
  if (second !== undefined) return { namespace, service, port: first, protocol: second };
  return { namespace, service, endpoint: first };
}

/**
 * What stands behind a name relative to the external zone. With `headless`, endpoints too, of Services without external
 * addresses. Undefined: no such name; empty: it exists, and has no records.
 */
export function externalBackends(
  lookup: ZoneLookup,
  relative: string,
  { headless }: { headless: boolean },
): Found {
  const parts = partsOf(relative);
  if (parts === undefined || !lookup.exposes(parts.namespace)) return undefined;
  if (parts.service === undefined) return [];
  const key = `${parts.namespace}/${parts.service}`;
  const service = lookup.index.local.service(key);
  if (service === undefined) return undefined;
  const name = `${parts.service}.${parts.namespace}`;
  const byEndpoint = headless && service.externalIps.length === 0;
  const found =
    byEndpoint && (service.kind === 'headless' || parts.endpoint !== undefined)
      ? endpointBackends(lookup, key, { parts, name })
      : service.ports
          .filter((port) => matchesPort(port, parts))
          .flatMap(({ port }) => service.externalIps.map((text) => backendAt(text, port, name)));
  return found.length === 0 ? undefined : found;
}

function endpointBackends(
  { index }: ZoneLookup,
  key: string,
  { parts, name }: { parts: ExternalParts; name: string },
): Backend[] {
  return index.local
    .endpoints(key)
    .flatMap(({ endpoints, ports }) =>
      endpoints
        .filter(({ host }) => parts.endpoint === undefined || host === parts.endpoint)
        .flatMap(({ address, host }) =>
          ports
            .filter((port) => matchesPort(port, parts))
            .map(({ port }) => backendAt(address, port, `${host}.${name}`)),
        ),
    );
}

function backendAt(text: string, port: number, target: string): Backend {
  const ip = tryParseIp(text);
  return { ...(ip ? { ip } : { alias: text.toLowerCase().replace(/\.$/, '') }), port, target };
}

/** Names in `zone` of the Services with this external address, in canonical text. */
export function externalReverse(lookup: ZoneLookup, ip: string, zone: string): string[] {
  return lookup.index
    .servicesAtExternal(ip)
    .filter(({ namespace }) => lookup.options.namespaces.size === 0 || lookup.exposes(namespace))
    .map(({ name, namespace }) => inZone(`${name}.${namespace}`, zone));
}
