import { describe, expect, test } from 'vitest';
import { parseManifests } from './parser.ts';

const titles = (text: string) =>
  parseManifests(text, 'a.yaml').map(({ object, origin }) => `${object.kind} ${origin}`);

/** Each list holds the one before ten times. */
const bomb = [...'bcdefgh']
  .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(', ')}]\n`)
  .join('');

describe('manifests', () => {
  test('documents keep their file and line', () => {
    const text = [
      '# shop',
      '---',
      'apiVersion: v1',
      'kind: Service',
      'metadata: {name: a}',
      '---',
      '---',
      'apiVersion: v1',
      'kind: Pod',
      'metadata: {name: b}',
      '',
    ].join('\n');
    expect(titles(text)).toEqual(['Service a.yaml:3', 'Pod a.yaml:8']);
  });

  test('Lists are taken apart', () => {
    const text =
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n';
    expect(titles(text)).toEqual(['Pod a.yaml:4', 'Secret a.yaml:7']);
  });

  test('JSON is read too', () => {
    expect(titles('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}')).toEqual(['Pod a.yaml:1']);
  });

  test('nothing but comments is no object', () => {
    expect(titles('# nothing\n---\n')).toEqual([]);
  });

  test('values are those of YAML 1.1, as Kubernetes reads it', () => {
    const text =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nspec: {mode: 0644, on: yes, date: 2001-12-14, time: 12:30:00, size: 1e3}\n';
    expect(parseManifests(text, 'a')[0]!.object.spec).toEqual({
      mode: 420,
      true: true,
      date: '2001-12-14',
      time: '12:30:00',
      size: 1000,
    });
  });

  test.each([
    { text: 'a: [1, 2\nb: 3', at: 'x.yaml:2:1: ' },
    { text: 'kind: Pod\nkind: Pod\n', at: 'x.yaml:2:1: ' },
    { text: 'apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n', at: 'x.yaml:4' },
    { text: '- a\n', at: 'x.yaml:1:1: a Kubernetes object is a mapping' },
    { text: 'kind: Pod\nmetadata: {name: a}\n', at: 'x.yaml:1: apiVersion is missing' },
    { text: 'apiVersion: v1\nkind: 3\n', at: 'x.yaml:2: kind is missing or is no text' },
    { text: 'apiVersion: v1\nkind: Pod\n', at: 'x.yaml:1: Pod has no metadata' },
    { text: 'apiVersion: v1\nkind: Pod\nmetadata: {}\n', at: 'x.yaml:3: Pod has no metadata.name' },
    {
      text: 'apiVersion: v1\nkind: Pod\nmetadata: {name: 7}\n',
      at: 'x.yaml:3: metadata.name of Pod must be text',
    },
    { text: 'apiVersion: v1\nkind: List\nitems: [3]\n', at: 'x.yaml:3: item 0 of the List is no object' },
    { text: `a: &a [1]\n${bomb}`, at: 'x.yaml:2: its aliases multiply' },
    { text: 'kind: &k Pod\na: *k\nmetadata: *nobody\n', at: 'x.yaml:3: Unresolved alias' },
    { text: `a: 1\nb: ${'['.repeat(20_000)}`, at: /^x\.yaml:2:\d+: it is nested too deeply$/ },
  ])('a mistake is told with its place: $at', ({ text, at }) => {
    expect(() => parseManifests(text, 'x.yaml')).toThrow(
      expect.objectContaining({
        code: 'BAD_MANIFEST',
        message: typeof at === 'string' ? expect.stringContaining(at) : expect.stringMatching(at),
      }),
    );
  });
});
