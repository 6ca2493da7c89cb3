/** Objects for the kinds and rules of Gateway API that the project's own tests leave out. */
import type { JsonObject } from '../json.ts';

/** One object, and what is said of it. */
export interface PublishedCase {
  case: string;
  channels: string[];
  object: JsonObject;
  /** Of what the object is once it is there; else of its creation. */
  step?: 'status' | 'update';
  /** Texts in the answer; none where the object is accepted. */
  refused?: string[];
}

const of = (kind: string, spec: object, ...refused: string[]): PublishedCase => ({
  case: `${kind} ${JSON.stringify(spec)}`,
  channels: ['standard'],
  object: { apiVersion: 'gateway.networking.k8s.io/v1', kind, metadata: { name: 'x' }, spec },
  ...(refused.length > 0 && { refused }),
});

const backendRefs = [{ name: 's', port: 80 }];
const hostnames = ['a.example'];
const twice = (...sections: (string | undefined)[]) =>
  sections.map((sectionName) => ({ name: 'g', ...(sectionName !== undefined && { sectionName }) }));

/** What all routes say of their parents and backends. */
const routes = ['GRPCRoute', 'TCPRoute', 'TLSRoute', 'UDPRoute'].flatMap((kind) => {
  const base = { ...(kind === 'TLSRoute' && { hostnames }), rules: [{ backendRefs }] };
  return [
    of(kind, base),
    of(kind, { ...base, parentRefs: twice('a', 'b') }),
    of(kind, { ...base, parentRefs: twice(undefined, 'b') }, 'sectionName must be specified when parentRefs includes 2 or more references to the same parent'), // biome-ignore format: one line
    of(kind, { ...base, parentRefs: twice('a', 'a') }, 'sectionName must be unique when parentRefs includes 2 or more references to the same parent'), // biome-ignore format: one line
    of(kind, { ...base, rules: [{ backendRefs: [{ name: 's' }] }] }, 'Must have port for Service reference'),
  ];
});

const tls = (hostname: string, ...refused: string[]) =>
  of('TLSRoute', { hostnames: [hostname], rules: [{ backendRefs }] }, ...refused);

const path = (value: string, what: string) =>
  of('HTTPRoute', { rules: [{ matches: [{ path: { type: 'PathPrefix', value } }] }] }, `must not ${what} when type one of ['Exact', 'PathPrefix']`); // biome-ignore format: one line
const filter = (kind: string, type: string, more: object, ...refused: string[]) =>
  of(kind, { rules: [{ filters: [{ type, ...more }] }] }, ...refused);
const notFor = (name: string, type: string) => `filter.${name} must be nil if the filter.type is not ${type}`;
const headers = { set: [{ name: 'a', value: 'b' }] };
const requestHeaderModifier = headers;
const modifier = 'RequestHeaderModifier';
const extensionRef = { group: 'example.com', kind: 'Foo', name: 'x' };

const listener = (name: string, protocol: string, more: object = {}) => ({
  name,
  protocol,
  port: 80,
  ...more,
});
const listeners = (listeners: object[], ...refused: string[]) =>
  of('ListenerSet', { parentRef: { name: 'g' }, listeners }, ...refused);
const gateway = (more: object, ...refused: string[]) =>
  of('Gateway', { gatewayClassName: 'c', listeners: [listener('a', 'HTTP')], ...more }, ...refused);

const matches = (rules: number, matches: number) => ({
  rules: Array.from({ length: rules }, () => ({
    matches: Array.from({ length: matches }, (_, i) => ({ method: { service: `s${i}` } })),
  })),
});
const port = (port: number) => ({ port, tls: {} });
const frontend = (...perPort: object[]) => ({ tls: { frontend: { default: {}, perPort } } });
const inExperiment = (each: PublishedCase, apiVersion = each.object.apiVersion): PublishedCase => ({
  ...each,
  channels: ['experimental'],
  object: { ...each.object, apiVersion },
});
const external = (externalAuth: object | undefined, ...refused: string[]) =>
  inExperiment(filter('HTTPRoute', 'ExternalAuth', { externalAuth }, ...refused));
const backendRef = { name: 's', port: 80 };
const persistence = (sessionPersistence: object, ...refused: string[]) =>
  inExperiment(of('GRPCRoute', { rules: [{ sessionPersistence }] }, ...refused));
const backend = (spec: object, ...refused: string[]) =>
  inExperiment(of('XBackend', spec, ...refused), 'gateway.networking.x-k8s.io/v1alpha1');
const outside = (hostname: string, more: object = {}) => ({
  type: 'ExternalHostname',
  externalHostname: { hostname },
  port: { port: 443 },
  ...more,
});

/** Rules that none of the cases above is about. */
const rest: PublishedCase[] = [
  gateway(frontend(port(443), port(444))),
  gateway(frontend(port(443), port(443)), 'Port for TLS configuration must be unique within the Gateway'),
  {
    ...gateway({}, 'Hostname value must only contain valid characters'),
    step: 'status',
    object: { ...gateway({}).object, status: { addresses: [{ type: 'Hostname', value: '-a' }] } },
  },
  {
    ...gateway({}),
    step: 'status',
    object: { ...gateway({}).object, status: { addresses: [{ type: 'Hostname', value: '*.a.example' }] } },
  },
  of('GRPCRoute', matches(2, 64)),
  of('GRPCRoute', matches(3, 64), 'the total number of matches across all rules in a route must be less than 128'), // biome-ignore format: one line
  of('GRPCRoute', { rules: [{ matches: [{ method: { type: 'Exact' } }] }] }, "One or both of 'service' or 'method' must be specified"), // biome-ignore format: one line
  persistence({ type: 'Cookie', cookieConfig: { lifetimeType: 'Session' } }),
  persistence({ type: 'Header', cookieConfig: { lifetimeType: 'Session' } }, 'cookieConfig can only be set with type Cookie'), // biome-ignore format: one line
  external({ protocol: 'HTTP', backendRef, http: {} }),
  external({ protocol: 'GRPC', backendRef, grpc: {} }),
  external({ protocol: 'GRPC', backendRef }, "grpc must be specified when protocol is set to 'GRPC'"),
  external({ protocol: 'HTTP', backendRef }, "http must be specified when protocol is set to 'HTTP'"),
  external({ protocol: 'HTTP', backendRef, http: {}, grpc: {} }, "protocol must be 'GRPC' when grpc is set"),
  external({ protocol: 'GRPC', backendRef, http: {}, grpc: {} }, "protocol must be 'HTTP' when http is set"),
  external(undefined, 'filter.externalAuth must be specified for ExternalAuth filter.type'),
  inExperiment(filter('HTTPRoute', modifier, { requestHeaderModifier, externalAuth: { protocol: 'HTTP', backendRef, http: {} } }, notFor('externalAuth', 'ExternalAuth'))), // biome-ignore format: one line
  backend(outside('a.example')),
  backend(outside('a.cluster.local'), 'hostname must not be an IP address or end with .cluster.local'),
  backend({ type: 'ExternalHostname', port: { port: 443 } }, 'externalHostname must be set when type is ExternalHostname'), // biome-ignore format: one line
  backend(outside('a.example', { port: { port: 443, name: 'a_b' } }), 'Name must be a valid DNS label'),
  backend(outside('a.example', { tls: { mode: 'ClientAndServer' } }), 'clientCertificateRef must be set if and only if mode is ClientAndServer'), // biome-ignore format: one line
];

export const moreCases: PublishedCase[] = [
  ...rest,
  ...routes,
  tls('*.a.example'),
  tls('10.0.0.1', 'Hostnames cannot contain an IP'),
  tls('a..example', 'spec.hostnames[0]'),
  tls('a.*.example', 'spec.hostnames[0]'),
  path('/a//b', "contain '//'"),
  path('/a/../b', "contain '/../'"),
  path('/a%2fb', "contain '%2f'"),
  path('/a%2Fb', "contain '%2F'"),
  path('/a#b', "contain '#'"),
  path('/a/..', "end with '/..'"),
  filter('HTTPRoute', 'ResponseHeaderModifier', { responseHeaderModifier: headers }),
  filter('HTTPRoute', 'ResponseHeaderModifier', {}, 'filter.responseHeaderModifier must be specified for ResponseHeaderModifier filter.type'), // biome-ignore format: one line
  filter('HTTPRoute', modifier, { requestHeaderModifier, responseHeaderModifier: headers }, notFor('responseHeaderModifier', 'ResponseHeaderModifier')), // biome-ignore format: one line
  filter('HTTPRoute', modifier, { requestHeaderModifier, cors: {} }, notFor('cors', 'CORS')),
  filter('HTTPRoute', modifier, { requestHeaderModifier, requestRedirect: {} }, notFor('requestRedirect', 'RequestRedirect')), // biome-ignore format: one line
  filter('HTTPRoute', modifier, { requestHeaderModifier, urlRewrite: {} }, notFor('urlRewrite', 'URLRewrite')), // biome-ignore format: one line
  filter('HTTPRoute', modifier, { requestHeaderModifier, extensionRef }, notFor('extensionRef', 'ExtensionRef')), // biome-ignore format: one line
  filter('HTTPRoute', 'CORS', { cors: { allowHeaders: ['*'] } }),
  filter('HTTPRoute', 'CORS', { cors: { allowHeaders: ['*', 'a'] } }, "AllowHeaders cannot contain '*' alongside other methods"), // biome-ignore format: one line
  filter('GRPCRoute', modifier, { requestHeaderModifier, responseHeaderModifier: headers }, notFor('responseHeaderModifier', 'ResponseHeaderModifier')), // biome-ignore format: one line
  filter('GRPCRoute', modifier, { requestHeaderModifier, extensionRef }, notFor('extensionRef', 'ExtensionRef')), // biome-ignore format: one line
  listeners([listener('a', 'HTTP')]),
  listeners([listener('a', 'HTTP', { tls: {} })], "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"), // biome-ignore format: one line
  listeners([listener('a', 'HTTPS', { tls: { mode: 'Passthrough' } })], 'tls mode must be Terminate for protocol HTTPS'), // biome-ignore format: one line
  listeners([listener('a', 'UDP', { hostname: 'a.example' })], "hostname must not be specified for protocols ['TCP', 'UDP']"), // biome-ignore format: one line
  listeners([listener('a', 'HTTP'), listener('a', 'HTTP', { port: 81 })], 'Listener name must be unique within the Gateway'), // biome-ignore format: one line
  listeners([listener('a', 'HTTP'), listener('b', 'HTTP')], 'Combination of port, protocol and hostname must be unique for each listener'), // biome-ignore format: one line
  gateway({ addresses: [{ type: 'Hostname', value: '-a' }] }, 'Hostname value must be empty or contain only valid characters'), // biome-ignore format: one line
  gateway({ infrastructure: { annotations: { 'example.com/a': 'b' } } }),
  gateway({ infrastructure: { annotations: { 'a b': 'c' } } }, 'Annotation keys must be in the form of an optional DNS subdomain prefix'), // biome-ignore format: one line
  gateway({ infrastructure: { annotations: { [`${'a'.repeat(254)}/b`]: 'c' } } }, "If specified, the annotation key's prefix must be a DNS subdomain not longer than 253 characters"), // biome-ignore format: one line
  of('ReferenceGrant', { from: [{ group: 'a.example', kind: 'A', namespace: 'n' }], to: [{ group: '', kind: 'Secret' }] }), // biome-ignore format: one line
  of('ReferenceGrant', { from: [], to: [{ group: '', kind: 'Secret' }] }, 'spec.from in body should have at least 1 items'), // biome-ignore format: one line
];
