/** Lists, pages, watches and selectors. */
import type { Case } from '../case.ts';
import type { Json } from '../exchange.ts';
import { configMap, core, get, merge, post, remove } from './objects.ts';

const maps = `${core}/configmaps`;
const at = (query: string) => get(`${maps}?labelSelector=mine&${query}`);
const made = ['a', 'b', 'c'].map((name) =>
  post(maps, configMap(name, { metadata: { name, labels: { mine: '', order: name } } })),
);
const revision = (body: unknown) => (body as Json).metadata.resourceVersion;
const selectors = [
  'order=a',
  'order==a',
  'order!=a',
  'order in (a,b)',
  'order notin (a)',
  '!order',
  'order',
  'order,mine',
  'order in (a',
  'order=',
  '=a',
  'order==',
  'order in ()',
  'order>1',
  'order<x',
  'a b',
  'order=a,,mine',
  ',',
  '-bad=a',
  'order=b@d',
  `${'x'.repeat(64)}=a`,
  'order in (a,)',
];
const fields = [
  'metadata.name=a',
  'metadata.name!=a',
  'metadata.name==a',
  'metadata.namespace={ns}',
  'data.a=b',
  'metadata.name',
  'metadata.name=a,metadata.name=b',
  '=',
  'metadata.name=a\\,b',
  'metadata.labels=a',
];

export const readCases: Case[] = [
  {
    name: 'label selectors',
    steps: [...made, ...selectors.map((s) => get(`${maps}?labelSelector=${encodeURIComponent(s)}`))],
  },
  {
    name: 'field selectors',
    steps: [...made, ...fields.map((s) => get(`${maps}?fieldSelector=${encodeURIComponent(s)}`))],
  },
  {
    name: 'pages under change',
    steps: [
      ...made,
      at('limit=1'),
      post(maps, configMap('aa', { metadata: { name: 'aa', labels: { mine: '' } } })),
      remove(`${maps}/c`),
      (earlier) => at(`limit=1&continue=${(earlier[3]!.body as Json).metadata.continue}`),
      (earlier) => at(`limit=5&continue=${(earlier[6]!.body as Json).metadata.continue}`),
      (earlier) =>
        at(
          `limit=5&resourceVersion=${revision(earlier[3]!.body)}&continue=${(earlier[3]!.body as Json).metadata.continue}`,
        ),
      at('limit=1&continue=nonsense'),
      at('limit=-1'),
      at('limit=x'),
    ],
  },
  {
    name: 'versions of lists',
    steps: [
      ...made,
      (earlier) => at(`resourceVersion=${revision(earlier[0]!.body)}&resourceVersionMatch=Exact`),
      (earlier) => at(`resourceVersion=${revision(earlier[0]!.body)}&resourceVersionMatch=NotOlderThan`),
      (earlier) => at(`resourceVersion=${revision(earlier[0]!.body)}&limit=1`),
      at('resourceVersion=0'),
      at('resourceVersion=0&resourceVersionMatch=Exact'),
      at('resourceVersion=0&resourceVersionMatch=NotOlderThan'),
      at('resourceVersionMatch=Exact'),
      at('resourceVersionMatch=Sometimes&resourceVersion=1'),
      at('resourceVersion=abc'),
      at('resourceVersion=-1'),
      at('sendInitialEvents=true'),
      at('watch=false&limit=1'),
      at('watch=maybe&timeoutSeconds=1'),
      at('timeoutSeconds=x'),
      get(`${maps}/a?resourceVersion=0`),
      get(`${maps}/a?resourceVersion=x`),
    ],
  },
  {
    // Without those that need progress notifications of etcd (3.4.25), which Debian's has not: bookmarks of the beginning.
    name: 'options of watches',
    steps: [
      ...made,
      ...[
        'resourceVersion=0',
        '',
        'sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
        'sendInitialEvents=true&allowWatchBookmarks=true',
        'sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
        'sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1',
        'sendInitialEvents=maybe',
        'resourceVersionMatch=NotOlderThan',
        'resourceVersion=x',
      ].map((how) => at(`watch=1&timeoutSeconds=1&${how}`)),
      (earlier) => at(`watch=1&timeoutSeconds=1&resourceVersion=${revision(earlier[0]!.body)}`),
      get(`/api/v1/watch/namespaces/{ns}/configmaps/a?timeoutSeconds=1`),
    ],
  },
  {
    name: 'events of what comes into a selection and leaves it',
    steps: [
      ...made,
      merge(`${maps}/a`, { metadata: { labels: { order: 'b' } } }),
      merge(`${maps}/b`, { metadata: { labels: { order: 'x' } } }),
      remove(`${maps}/c`),
      (earlier) =>
        get(
          `${maps}?watch=1&timeoutSeconds=1&labelSelector=order%3Db&resourceVersion=${revision(earlier[2]!.body)}`,
        ),
      (earlier) =>
        get(
          `${maps}?watch=1&timeoutSeconds=1&labelSelector=order&resourceVersion=${revision(earlier[2]!.body)}`,
        ),
    ],
  },
  {
    name: 'forms of answers',
    steps: [
      ...made,
      ...[
        'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
        'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
        'application/json;as=Table;v=v1;g=meta.k8s.io',
        'application/json;as=Table;v=v9;g=meta.k8s.io',
        'application/json;as=Chair;v=v1;g=meta.k8s.io,application/json',
        'text/html',
        '*/*',
        'application/yaml;q=0.1,application/json;q=0.9',
      ].flatMap((accept) => [
        { ...get(`${maps}/a`), headers: { accept } },
        { ...at('limit=1'), headers: { accept } },
      ]),
    ],
  },
];
