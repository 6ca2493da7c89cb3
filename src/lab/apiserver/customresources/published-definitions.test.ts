/** Published CustomResourceDefinitions, unchanged, and objects that their projects' own tests accept and refuse. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { useTestServer } from '../test-server.ts';
import { accepted, type Cases, publishedTests } from './test-published.ts';

const server = useTestServer();
const { call } = server;
const { install, expectAnswers, post } = publishedTests(server);

test.each<[string, number]>([
  ['gateway-api-standard.yaml.br', 10],
  ['gateway-api-experimental.yaml.br', 13],
  ['network-policy-api-standard.yaml.br', 1],
  ['network-policy-api-experimental.yaml.br', 1],
  ['network-attachment-definition.yaml', 1],
])('%s is served as it is', async (file, count) => {
  const made = await install(file);
  expect(made).toHaveLength(count);
  for (const { code, message, warnings, status, spec } of made) {
    expect([code, message, warnings]).toEqual([201, undefined, []]);
    const conditions = status.conditions.map((c: JsonObject) => `${c.type}=${c.status}`);
    expect(conditions).toEqual(['NamesAccepted=True', 'Established=True']);
    for (const { name, served } of spec.versions) {
      const list = await call('GET', `/apis/${spec.group}/${name}/${spec.names.plural}`);
      expect([name, list.code, list.kind]).toEqual([
        name,
        served ? 200 : 404,
        served ? spec.names.listKind : 'Status',
      ]);
    }
  }
});

const tls = { certificateRefs: [{ name: 'c' }] };
const listener = (name: string, protocol: string, port: number, more: object = {}) => ({
  name,
  protocol,
  port,
  ...more,
});

test('Gateways are accepted and refused as the project has it', async () => {
  const noTls = "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']";
  const noHostname = "hostname must not be specified for protocols ['TCP', 'UDP']";
  const needsCertificate = 'certificateRefs or options must be specified when mode is Terminate';
  const notUnique = 'Combination of port, protocol and hostname must be unique for each listener';

  const cases: Cases = [
    ['HTTP', { listeners: [listener('a', 'HTTP', 80)] }, accepted],
    ['TCP', { listeners: [listener('a', 'TCP', 80)] }, accepted],
    ['TLS for HTTP', { listeners: [listener('a', 'HTTP', 80, { tls: {} })] }, noTls],
    ['TLS for TCP', { listeners: [listener('a', 'TCP', 80, { tls: {} })] }, noTls],
    ['HTTPS with a certificate', { listeners: [listener('a', 'HTTPS', 443, { tls })] }, accepted],
    ['HTTPS without TLS', { listeners: [listener('a', 'HTTPS', 443)] }, accepted],
    [
      'HTTPS that is passed through',
      { listeners: [listener('a', 'HTTPS', 443, { tls: { mode: 'Passthrough' } })] },
      'tls mode must be Terminate for protocol HTTPS',
    ],
    [
      'TLS without a mode',
      { listeners: [listener('a', 'TLS', 443)] },
      'tls mode must be set for protocol TLS',
    ],
    [
      'TLS without a certificate',
      { listeners: [listener('a', 'TLS', 443, { tls: { mode: 'Terminate' } })] },
      needsCertificate,
    ],
    [
      'HTTPS with options',
      { listeners: [listener('a', 'HTTPS', 443, { tls: { mode: 'Terminate', options: { o: 'x' } } })] },
      accepted,
    ],
    ['a host for TCP', { listeners: [listener('a', 'TCP', 80, { hostname: 'foo' })] }, noHostname],
    ['a host for UDP', { listeners: [listener('a', 'UDP', 80, { hostname: 'foo' })] }, noHostname],
    [
      'one name twice',
      { listeners: [listener('a', 'HTTP', 80), listener('a', 'HTTP', 81)] },
      'Listener name must be unique within the Gateway',
    ],
    ['one listener twice', { listeners: [listener('a', 'HTTP', 80), listener('b', 'HTTP', 80)] }, notUnique],
    [
      'one host twice',
      {
        listeners: [
          listener('a', 'HTTP', 80, { hostname: 'foo' }),
          listener('b', 'HTTP', 80, { hostname: 'foo' }),
        ],
      },
      notUnique,
    ],
    [
      'two hosts',
      {
        listeners: [
          listener('a', 'HTTP', 80, { hostname: 'foo' }),
          listener('b', 'HTTP', 80, { hostname: 'bar' }),
        ],
      },
      accepted,
    ],
    [
      'a host and none',
      { listeners: [listener('a', 'HTTP', 80, { hostname: 'foo' }), listener('b', 'HTTP', 80)] },
      accepted,
    ],
    ['no listeners', { listeners: [] }, 'spec.listeners in body should have at least 1 items'],
    [
      'a port out of range',
      { listeners: [listener('a', 'HTTP', 65536)] },
      'spec.listeners[0].port in body should be less than or equal to 65535',
    ],
    [
      'a name that is none',
      { listeners: [listener('bad>', 'HTTP', 80)] },
      'spec.listeners[0].name in body should match',
    ],
    [
      'an address and a name',
      {
        listeners: [listener('a', 'HTTP', 80)],
        addresses: [
          { type: 'IPAddress', value: '1.2.3.4' },
          { type: 'Hostname', value: 'foo.bar' },
        ],
      },
      accepted,
    ],
    [
      'an address with a port',
      { listeners: [listener('a', 'HTTP', 80)], addresses: [{ type: 'IPAddress', value: '1.2.3.4:8080' }] },
      'Invalid value: "1.2.3.4:8080": spec.addresses[0].value in body must be of type ipv4',
    ],
    [
      'one address twice',
      {
        listeners: [listener('a', 'HTTP', 80)],
        addresses: [
          { type: 'IPAddress', value: '1.2.3.4' },
          { type: 'IPAddress', value: '1.2.3.4' },
        ],
      },
      'IPAddress values must be unique',
    ],
  ];
  await install('gateway-api-standard.yaml.br', 'Gateway');
  await expectAnswers(
    ['gateway.networking.k8s.io/v1', 'gateways', 'Gateway'],
    cases.map(([label, spec, wanted]) => [label, { gatewayClassName: 'c', ...spec }, wanted]),
  );
});

test('a Gateway is pending until somebody says otherwise', async () => {
  await install('gateway-api-standard.yaml.br', 'Gateway');
  await post('gateway.networking.k8s.io/v1', 'gateways', {
    kind: 'Gateway',
    metadata: { name: 'x', namespace: 'default' },
    spec: { gatewayClassName: 'c', listeners: [listener('a', 'HTTP', 80)] },
  });
  const url = '/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/x';
  const { status, spec, metadata } = await call('GET', url);
  expect(status.conditions.map((c: JsonObject) => `${c.type} ${c.status} ${c.reason}`)).toEqual([
    'Accepted Unknown Pending',
    'Programmed Unknown Pending',
  ]);
  expect(spec.listeners[0].allowedRoutes).toEqual({ namespaces: { from: 'Same' } });
  expect(metadata.generation).toBe(1);
  const old = await call('GET', url.replace('/v1/', '/v1beta1/'));
  expect([old.apiVersion, old.metadata.uid]).toEqual(['gateway.networking.k8s.io/v1beta1', metadata.uid]);
});

test('HTTPRoutes are accepted and refused as the project has it', async () => {
  const backend = { name: 's', port: 80 };
  const filter = (type: string, more: object = {}) => ({ filters: [{ type, ...more }] });
  const redirect = { requestRedirect: { scheme: 'https' } };
  const path = (type: string, value: string) => ({ matches: [{ path: { type, value } }] });
  const headers = { requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] } };

  const matches = Array.from({ length: 64 }, (_, i) => ({ path: { type: 'Exact', value: `/${i}` } }));
  const tooMany = [{ matches }, { matches }, { matches: matches.slice(0, 1) }];
  const cases: Cases = [
    ['a backend', { backendRefs: [backend] }, accepted],
    ['a Service without a port', { backendRefs: [{ name: 's' }] }, 'Must have port for Service reference'],
    [
      'something else without a port',
      { backendRefs: [{ name: 's', group: 'example.com', kind: 'Foo' }] },
      accepted,
    ],
    ['a path', path('PathPrefix', '/a/b'), accepted],
    [
      'a path that is relative',
      path('Exact', 'foobar'),
      "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
    ],
    [
      'a path with a dot',
      path('PathPrefix', '/foo/./bar'),
      "must not contain '/./' when type one of ['Exact', 'PathPrefix']",
    ],
    [
      'a path that ends with a dot',
      path('PathPrefix', '/foo/.'),
      "must not end with '/.' when type one of ['Exact', 'PathPrefix']",
    ],
    ['a path with other characters', path('PathPrefix', '/my[/]path'), 'must only contain valid characters'],
    [
      'a path of another type',
      path('FooBar', '/path'),
      'Unsupported value: "FooBar": supported values: "Exact", "PathPrefix", "RegularExpression"',
    ],
    ['a filter', filter('RequestHeaderModifier', headers), accepted],
    [
      'a filter without what it does',
      filter('RequestHeaderModifier'),
      'filter.requestHeaderModifier must be specified for RequestHeaderModifier filter.type',
    ],
    [
      'a filter that does another thing',
      filter('RequestRedirect', headers),
      'filter.requestHeaderModifier must be nil if the filter.type is not RequestHeaderModifier',
    ],
    [
      'one filter twice',
      {
        filters: [
          filter('RequestHeaderModifier', headers).filters[0],
          filter('RequestHeaderModifier', headers).filters[0],
        ],
      },
      'RequestHeaderModifier filter cannot be repeated',
    ],
    ['a redirect', filter('RequestRedirect', redirect), accepted],
    [
      'a redirect with backends',
      { ...filter('RequestRedirect', redirect), backendRefs: [backend] },
      'RequestRedirect filter must not be used together with backendRefs',
    ],
    [
      'a rewrite of a prefix',
      {
        ...path('PathPrefix', '/'),
        ...filter('URLRewrite', {
          urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' } },
        }),
      },
      accepted,
    ],
    [
      'a rewrite of no prefix',
      {
        ...path('Exact', '/'),
        ...filter('URLRewrite', {
          urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' } },
        }),
      },
      'When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified',
    ],
    [
      'a rewrite of another kind',
      filter('URLRewrite', { urlRewrite: { path: { type: 'ReplaceFullPath', replacePrefixMatch: '/x' } } }),
      "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set",
    ],
    ['a timeout', { backendRefs: [backend], timeouts: { request: '10s', backendRequest: '2s' } }, accepted],
    [
      'a backend that waits longer',
      { timeouts: { request: '2s', backendRequest: '10s' } },
      'backendRequest timeout cannot be longer than request timeout',
    ],
    [
      'a timeout of no unit',
      { timeouts: { request: '10' } },
      'spec.rules[0].timeouts.request in body should match',
    ],
  ];
  await install('gateway-api-standard.yaml.br', 'HTTPRoute');
  await expectAnswers(
    ['gateway.networking.k8s.io/v1', 'httproutes', 'HTTPRoute'],
    [
      ...cases.map(([label, rule, wanted]): Cases[number] => [label, { rules: [rule] }, wanted]),
      [
        'more matches than a route may have',
        { rules: tooMany },
        'total number of matches across all rules in a route must be less than 128',
      ],
    ],
  );
});
