/** Custom resources: rules, subresources, columns and versions. */
import type { Case } from '../case.ts';
import {
  at,
  create,
  defining,
  definition,
  definitions,
  free,
  integer,
  keyed,
  list,
  map,
  object,
  ruled,
  served,
  set,
  text,
  thing,
  things,
  version,
  withSchema,
} from './definitions.ts';
import { get, merge, post, put, remove } from './objects.ts';

const rules: Case[] = [
  withSchema(
    'rules: what they say, of which field and why',
    object({
      a: integer,
      b: ruled(
        integer,
        { rule: 'self > 1', message: ' more than one ' },
        { rule: 'self < 5', reason: 'FieldValueForbidden' },
      ),
      req: ruled(object({ x: integer }), {
        rule: 'has(self.x)',
        reason: 'FieldValueRequired',
        fieldPath: '.x',
      }),
      dup: ruled(list({ ...text, maxLength: 9 }, { maxItems: 9 }), {
        rule: 'self.all(x, self.exists_one(y, x == y))',
        reason: 'FieldValueDuplicate',
        message: 'no twins',
      }),
      msg: ruled(object({ n: integer, m: map(text) }), {
        rule: 'self.n < 3',
        messageExpression: 'self.n > 9 ? "n is large" : "n is so"',
        message: 'plain',
        fieldPath: ".m['a.b']",
      }),
      bad: ruled(object({ n: integer, t: list(text) }), {
        rule: 'self.n < 3',
        messageExpression: 'self.t[7]',
      }),
      err: ruled(list(text), { rule: 'self[3] == "a"' }),
      once: ruled(integer, { rule: 'self == oldSelf', message: 'cannot change' }),
      from: ruled(text, {
        rule: 'oldSelf.hasValue() ? self != oldSelf.value() : self == "new"',
        optionalOldSelf: true,
      }),
    }),
    [
      create({ a: 1, b: 1, req: {}, dup: ['a', 'a'] }),
      create({ b: 9, msg: { n: 5 }, bad: { n: 4 }, err: ['a'] }),
      create({ from: 'old' }),
      post(things, thing({ once: 1, from: 'new' })),
      merge(`${things}/t`, { spec: { once: 2 } }),
      merge(`${things}/t`, { spec: { a: 1 } }),
      merge(`${things}/t`, { spec: { once: null } }),
      merge(`${things}/t`, { spec: { from: 'newer', once: 3 } }),
      remove(`${things}/t`),
    ],
  ),
  {
    name: 'what has not changed passes a schema that has become stricter',
    steps: [
      post(
        definitions,
        defining([
          version(
            object({
              a: integer,
              t: text,
              l: list(text),
              s: list(text, set),
              m: list(object({ k: text, v: integer }), {
                ...keyed('k'),
                items: object({ k: text, v: integer }, { required: ['k'] }),
              }),
              o: map(integer),
            }),
          ),
        ]),
      ),
      served,
      post(
        things,
        thing({
          a: 50,
          t: 'long',
          l: ['long', 'b'],
          s: ['long', 'b'],
          m: [
            { k: 'a', v: 50 },
            { k: 'b', v: 1 },
          ],
          o: { x: 50 },
        }),
      ),
      merge(definition, {
        spec: {
          versions: [
            version(
              ruled(
                object({
                  a: { ...integer, maximum: 10 },
                  t: { ...text, maxLength: 2 },
                  n: integer,
                  l: list({ ...text, maxLength: 2 }),
                  s: list({ ...text, maxLength: 2 }, set),
                  m: list(
                    object({ k: text, v: ruled(integer, { rule: 'self < 10' }) }, { required: ['k'] }),
                    keyed('k'),
                  ),
                  o: map({ ...integer, maximum: 10 }),
                }),
                { rule: 'self.a < 10' },
              ),
            ),
          ],
        },
      }),
      { ...post(`${things}?dryRun=All`, thing({ a: 50 }, { metadata: { name: 'new' } })), until: 422 },
      merge(`${things}/t`, { metadata: { labels: { a: 'b' } } }),
      merge(`${things}/t`, { spec: { n: 1 } }),
      merge(`${things}/t`, { spec: { a: 51 } }),
      merge(`${things}/t`, { spec: { l: ['long', 'c'] } }),
      merge(`${things}/t`, { spec: { s: ['long', 'c'] } }),
      merge(`${things}/t`, { spec: { s: ['longer', 'b'] } }),
      merge(`${things}/t`, {
        spec: {
          m: [
            { k: 'b', v: 2 },
            { k: 'a', v: 50 },
          ],
        },
      }),
      merge(`${things}/t`, { spec: { m: [{ k: 'a', v: 51 }] } }),
      merge(`${things}/t`, { spec: { o: { y: 1 } } }),
      merge(`${things}/t`, { spec: { o: { y: 11 } } }),
      remove(definition),
    ],
  },
];

const subresources: Case[] = [
  withSchema(
    'status and scale',
    object({ replicas: integer, selector: text, a: integer }),
    [
      post(things, thing({ replicas: 1, a: 1 }, { status: { replicas: 7 } })),
      put(`${things}/t/status`, { ...thing({ a: 9 }), status: { replicas: 2, selector: 'a=b' } }),
      merge(`${things}/t/status`, { spec: { a: 5 }, metadata: { labels: { a: 'b' } }, status: { x: 1 } }),
      merge(`${things}/t`, { status: { replicas: 8 }, spec: { a: 2 } }),
      merge(`${things}/t/status`, { status: { replicas: 'x' } }),
      get(`${things}/t/scale`),
      merge(`${things}/t/scale`, { spec: { replicas: 4 } }),
      merge(`${things}/t/scale`, { spec: { replicas: -1 } }),
      put(`${things}/t/scale`, {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name: 't' },
        spec: { replicas: 3 },
      }),
      put(`${things}/t/scale`, {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name: 'u' },
        spec: { replicas: 3 },
      }),
      put(`${things}/t/scale`, {
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        metadata: { name: 't', resourceVersion: '1' },
        spec: { replicas: 3 },
      }),
      merge(`${things}/t`, { spec: { replicas: null } }),
      get(`${things}/t/scale`),
      get(`${things}/t/log`),
      remove(`${things}/t`),
    ],
    {
      schema: {
        openAPIV3Schema: object({
          spec: object({ replicas: integer, selector: text, a: integer }),
          status: object({ replicas: integer, selector: text }),
        }),
      },
      subresources: {
        status: {},
        scale: {
          specReplicasPath: '.spec.replicas',
          statusReplicasPath: '.status.replicas',
          labelSelectorPath: '.status.selector',
        },
      },
    },
  ),
  withSchema(
    'columns of all types',
    object({
      i: integer,
      n: { type: 'number' },
      b: { type: 'boolean' },
      t: text,
      l: list(text),
      o: free,
      d: text,
    }),
    [
      post(
        things,
        thing({ i: 7, n: 1.5, b: true, t: 'x', l: ['a', 'b'], o: { a: 1 }, d: '2020-01-01T00:00:00Z' }),
      ),
      { ...get(`${things}/t`), headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
      merge(`${things}/t`, { spec: { i: null, n: null, b: null, t: null, l: [], o: {}, d: 'never' } }),
      { ...get(`${things}/t`), headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
      remove(`${things}/t`),
    ],
    {
      additionalPrinterColumns: [
        { name: 'I', type: 'integer', jsonPath: '.spec.i', format: 'int32', priority: 1 },
        { name: 'IasText', type: 'string', jsonPath: '.spec.i' },
        { name: 'N', type: 'number', jsonPath: '.spec.n' },
        { name: 'NasInt', type: 'integer', jsonPath: '.spec.n' },
        { name: 'B', type: 'boolean', jsonPath: '.spec.b', description: 'yes or no' },
        { name: 'T', type: 'string', jsonPath: '.spec.t' },
        { name: 'TasInt', type: 'integer', jsonPath: '.spec.t' },
        { name: 'L', type: 'string', jsonPath: '.spec.l' },
        { name: 'L0', type: 'string', jsonPath: '.spec.l[0]' },
        { name: 'Lall', type: 'string', jsonPath: '.spec.l[*]' },
        { name: 'O', type: 'string', jsonPath: '.spec.o' },
        { name: 'D', type: 'date', jsonPath: '.spec.d' },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        { name: 'None', type: 'string', jsonPath: '.spec.none' },
      ],
    },
  ),
  {
    name: 'versions, and which ones objects are stored in',
    steps: [
      post(definitions, defining([version(object({ a: integer }))])),
      served,
      post(things, thing({ a: 1 })),
      merge(definition, {
        spec: {
          versions: [
            version(object({ a: integer }), { storage: false, deprecated: true }),
            version(object({ a: integer, b: { ...integer, default: 2 } }), { name: 'v2' }),
          ],
        },
      }),
      { ...get(`${at('v2')}/t`), until: 200 },
      get(`${things}/t`),
      get(definition),
      merge(`${at('v2')}/t`, { spec: { b: 3 } }),
      get(`${things}/t`),
      merge(definition, { spec: { versions: [version(object({ a: integer }), { name: 'v2' })] } }),
      merge(`${definition}/status`, { status: { storedVersions: ['v2'] } }),
      merge(`${definition}/status`, { status: { storedVersions: ['v1', 'v2'] } }),
      merge(`${definition}/status`, { status: { storedVersions: [] } }),
      merge(definition, { spec: { scope: 'Cluster' } }),
      merge(definition, { spec: { names: { kind: 'Other' } } }),
      merge(definition, { spec: { group: 'other.example.com' } }),
      remove(definition),
    ],
  },
];

export const customRuleCases: Case[] = [...rules, ...subresources];
