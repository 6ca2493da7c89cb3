import { describe, expect, test } from 'vitest';
import { responseCodes } from '../../message/constants.ts';
import { replyTo } from '../../message/message.ts';
import { rcodeName } from '../../message/names-of-numbers.ts';
import { formatRecord, parseRecord } from '../../message/presentation.ts';
import type { Query } from '../../plugin.ts';
import { queryFor } from '../../testing/ask.ts';
import { serveCorefile } from '../../testing/corefile.ts';
import { functions } from './go-functions.ts';
import { compileTemplate } from './go-template.ts';

const served = (lines: string) =>
  serveCorefile(`. {\n metadata\n ${lines}\n last\n}`, {
    last: ({ message, name }) =>
      name === 'target.net'
        ? replyTo(message, { answers: [parseRecord('target.net. 5 IN A 192.0.2.9')] })
        : replyTo(message, { rcode: responseCodes.REFUSED }),
  });

async function told(
  lines: string,
  name: string,
  type: 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'SOA' = 'A',
  fields: Partial<Query> = {},
) {
  const reply = (await served(lines).ask(name, type, fields))!;
  const records = [...reply.answers, ...reply.authorities, ...reply.additionals];
  return records.length === 0 ? rcodeName(reply.rcode) : records.map(formatRecord);
}

const digits = '^ip-10-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$';

test.each([
  [
    `template IN A example {\n match ${digits}\n answer "{{ .Name }} 60 IN A 10.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"\n}`,
    'ip-10-95-12-8.example',
    'A',
    ['ip-10-95-12-8.example. 60 IN A 10.95.12.8'],
  ],
  [
    `template IN A example {\n match ${digits}\n answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ parseInt .Group.c 16 8 }}.{{ parseInt .Group.d 16 8 }}"\n}`,
    'ip-10-5-12-8.example',
    'A',
    ['ip-10-5-12-8.example. 60 IN A 10.5.18.8'],
  ],
  [
    'template IN A example {\n match ^(..)\\.\n answer "{{ .Name }} A 10.0.0.{{ parseInt (index .Match 1) 16 8 }}"\n}',
    'ff.example',
    'A',
    ['ff.example. 3600 IN A 10.0.0.255'],
  ],
  [
    'template IN A {\n answer "{{ .Name }} 60 IN A {{ .Remote }}"\n}',
    'a.org',
    'A',
    ['a.org. 60 IN A 10.240.0.1'],
  ],
  [
    'template IN A {\n answer "{{ index .Match 0 }} 60 IN A 10.0.0.1"\n}',
    'without-match.org',
    'A',
    ['without-match.org. 60 IN A 10.0.0.1'],
  ],
  [
    'template IN MX {\n answer "{{ .Name }} 60 IN MX 10 {{ .Name }}"\n additional "{{ .Name }} 60 IN A 10.0.0.1"\n}',
    'a.org',
    'MX',
    ['a.org. 60 IN MX 10 a.org.', 'a.org. 60 IN A 10.0.0.1'],
  ],
  [
    'template ANY ANY invalid {\n rcode NXDOMAIN\n authority "{{ .Zone }} 60 {{ .Class }} SOA ns.{{ .Zone }} hostmaster.example.com. (1 60 60 60 60)"\n}',
    'x.invalid',
    'A',
    ['invalid. 60 IN SOA ns.invalid. hostmaster.example.com. 1 60 60 60 60'],
  ],
  [
    'template IN TXT {\n answer "{{ .Name }} 60 IN TXT \\"{{ .Type }} {{ .Question.Qtype }}\\""\n}',
    'a.org',
    'TXT',
    ['a.org. 60 IN TXT "TXT 16"'],
  ],
  [
    'template IN PTR {\n match "^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.]10[.]in-addr[.]arpa[.]$"\n answer "{{ .Name }} 60 IN PTR ip-10-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example."\n}',
    '3.2.1.10.in-addr.arpa',
    'PTR',
    ['3.2.1.10.in-addr.arpa. 60 IN PTR ip-10-1-2-3.example.'],
  ],
  [
    `template IN A example {\n match ^(?P<ip>[0-9-]+)[.]\n var ip replace(group('ip'), '-', '.')\n expr "any(['10.0.0.0/8', '192.168.0.0/16'], incidr(ip, #))"\n answer "{{ .Name }} 60 IN A {{ .Var.ip }}"\n}`,
    '192-168-1-2.example',
    'A',
    ['192-168-1-2.example. 60 IN A 192.168.1.2'],
  ],
  [
    `template IN TXT example {\n match ^(.)(.)\n var a group(2) + group(1)\n var b upper(a) + group('x')\n answer "{{ .Name }} 60 IN TXT {{ .Var.b }}"\n}`,
    'xy.example',
    'TXT',
    ['xy.example. 60 IN TXT "YX"'],
  ],
  ["template IN A {\n expr name() == 'b.org.'\n rcode NXDOMAIN\n}", 'a.org', 'A', 'SERVFAIL'],
  ["template IN A {\n expr name() == 'b.org.'\n rcode NXDOMAIN\n fallthrough\n}", 'a.org', 'A', 'REFUSED'],
  ["template IN A {\n expr name() == 'a.org.'\n rcode NXDOMAIN\n}", 'a.org', 'A', 'NXDOMAIN'],
  ["template IN A {\n expr incidr(name(), '10.0.0.0/8')\n fallthrough\n}", 'a.org', 'A', 'SERVFAIL'],
  ['template IN AAAA .', 'a.org', 'AAAA', 'NOERROR'],
  ['template IN AAAA . {\n rcode NXDOMAIN\n}', 'a.org', 'AAAA', 'NXDOMAIN'],
  ['template IN AAAA . {\n rcode NXDOMAIN\n}', 'a.org', 'A', 'REFUSED'],
  ['template IN A example', 'a.org', 'A', 'REFUSED'],
  ['template IN A {\n match ^b\n}', 'a.org', 'A', 'SERVFAIL'],
  ['template IN A {\n match ^b\n fallthrough\n}', 'a.org', 'A', 'REFUSED'],
  ['template IN A {\n match ^b\n fallthrough net\n}', 'a.org', 'A', 'SERVFAIL'],
  [
    'template IN A {\n match ^b\n fallthrough\n}\ntemplate IN A {\n match ^a\n rcode NXDOMAIN\n}',
    'a.org',
    'A',
    'NXDOMAIN',
  ],
  ['template IN A {\n match ^b ^a\n rcode NXDOMAIN\n}', 'A.org', 'A', 'NXDOMAIN'],
  [
    'template IN A org {\n answer "{{ .Name }} 60 IN CNAME target.net."\n}',
    'a.org',
    'A',
    ['a.org. 60 IN CNAME target.net.', 'target.net. 5 IN A 192.0.2.9'],
  ],
  [
    'template IN MX org {\n answer "{{ .Name }} 60 IN CNAME target.net."\n}',
    'a.org',
    'MX',
    ['a.org. 60 IN CNAME target.net.'],
  ],
] as const)('%j: %s %s', async (lines, name, type, expected) => {
  expect(await told(lines, name, type)).toEqual(expected);
});

test.each([
  ['{{ index .Match 2 }}', 'out of range'],
  ['{{ .Name }}', 'cannot be read'],
  ['{{ .Grup.d }}', 'no field Grup'],
  ['{{ parseInt "gg" 16 8 }}', 'no number of base 16'],
  ['{{ parseInt "256" 10 8 }}', 'fit into 8 bits'],
])('a template that gives no record fails the query: %s', async (text, problem) => {
  const { ask } = served(`template IN A {\n answer ${JSON.stringify(text)}\n}`);
  await expect(ask('a.org')).rejects.toThrow(problem);
});

test('ederror says why, and metadata is there', async () => {
  const { ask } = served('template IN A {\n ederror 21 "no A here"\n}');
  const [option] = (await ask('a.org'))!.edns!.options;
  expect([option!.code, Buffer.from(option!.data).toString('latin1')]).toEqual([15, '\0\x15no A here']);
});

test.each([
  ['template'],
  ['template IN'],
  ['template NOCLASS A'],
  ['template IN NOTYPE'],
  ['template IN A {\n match\n}'],
  ['template IN A {\n match (()\n}'],
  ['template IN A {\n answer\n}'],
  ['template IN A {\n answer "{{"\n}'],
  ['template IN A {\n answer "{{ notAFunction }}"\n}'],
  ['template IN A {\n answer "{{ parseInt }}"\n}'],
  ['template IN A {\n answer "{{ if .Name }}"\n}'],
  ['template IN A {\n rcode UNDEFINED\n}'],
  ['template IN A {\n ederror x\n}'],
  ['template IN A {\n var a\n}'],
  ['template IN A {\n var 1a 1\n}'],
  ['template IN A {\n var group 1\n}'],
  ['template IN A {\n var len 1\n}'],
  ['template IN A {\n var true 1\n}'],
  ['template IN A {\n var a invalid expression\n}'],
  ['template IN A {\n var a b\n var b 1\n}'],
  ['template IN A {\n expr\n}'],
  ['template IN A {\n expr name() ==\n}'],
  ['template IN A {\n expr a == 1\n}'],
  ["template IN A {\n var a 1\n expr a + 'x'\n}"],
  ['template IN A {\n unknown\n}'],
])('refused: %j', (lines) => {
  expect(() => served(lines)).toThrow(/^Corefile:\d+: /);
});

describe('Go templates', () => {
  const data = {
    Name: 'a.org.',
    Match: ['all', '7'],
    Group: new Map([['x', 'ten']]),
    N: 10,
    Empty: '',
    Meta: (label: unknown) => `meta ${String(label)}`,
  };
  test.each([
    ['plain', 'plain'],
    ['{{ .Name }}-{{.Name}}', 'a.org.-a.org.'],
    ['{{/* a comment */}}x', 'x'],
    ['a  {{- .N -}}  b', 'a10b'],
    ['{{ .Group.x }}{{ .Group.missing }}', 'ten'],
    ['{{ index .Group "x" }}', 'ten'],
    ['{{ index .Match 1 }}', '7'],
    ['{{ .Meta "k8s/ns" }}', 'meta k8s/ns'],
    ['{{ if .Empty }}a{{ else if eq .N 10 }}b{{ else }}c{{ end }}', 'b'],
    ['{{ if and .Name (not .Empty) }}yes{{ end }}', 'yes'],
    ['{{ with .Group.x }}{{ . }}{{ else }}none{{ end }}', 'ten'],
    ['{{ range .Match }}<{{ . }}>{{ end }}', '<all><7>'],
    ['{{ $x := index .Match 1 }}{{ $x }}{{ $.N }}', '710'],
    ['{{ "7" | printf "%s-%03d" "a" }}', 'a-007'],
    ['{{ printf "%x %q" 255 "a" }}', 'ff "a"'],
    ['{{ len .Match }} {{ slice .Name 0 1 }}', '2 a'],
    ['{{ or .Empty `raw "text"` }}', 'raw "text"'],
    ['{{ lt 1 2 }}{{ ge 1 2 }}{{ ne 1 2 }}', 'truefalsetrue'],
    ['{{ print 1 "}}" }}', '1}}'],
  ])('%s', (text, expected) => {
    expect(compileTemplate(text)(data)).toBe(expected);
  });

  test('parseInt is Go’s ParseUint', () => {
    expect(functions.parseInt!('ff', 16, 8)).toBe(255n);
    expect(() => functions.parseInt!('-1', 10, 8)).toThrow('no number');
  });
});

test('types without a name are one time series: clients choose the number', async () => {
  const { ask, metrics } = served('template ANY ANY {\n rcode NXDOMAIN\n}');
  for (const type of [65_000, 65_001])
    await ask('example.org', 'A', { ...queryFor('example.org', 'A'), type, listener: 'dns://:53' });
  const shown = metrics.render().split('\n').filter((line) => line.startsWith('coredns_template_matches_total')); // biome-ignore format: one line
  expect(shown).toEqual([
    'coredns_template_matches_total{server="dns://:53",zone=".",view="",class="IN",type=""} 2',
  ]);
});
