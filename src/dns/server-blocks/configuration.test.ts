import { describe, expect, test } from 'vitest';
import { responseCodes } from '../message/constants.ts';
import { replyTo } from '../message/message.ts';
import { formatRecord } from '../message/presentation.ts';
import type { DnsPlugin } from '../plugin.ts';
import { serveCorefile } from '../testing/corefile.ts';

/** Answers with the name of whoever was asked, for telling blocks apart. */
const last: DnsPlugin['serve'] = ({ message }) => replyTo(message, { authoritative: true });
const refused = (text: string) => () => serveCorefile(text, { last });
const listeners = (text: string) =>
  serveCorefile(text, { last }).configuration.listeners.map(
    ({ label, routes }) => `${label} ${routes.map(({ zone }) => `${zone}.`).join(' ')}`,
  );

describe('listeners', () => {
  test.each([
    ['.', ['dns://:53 .']],
    ['. example.org', ['dns://:53 . example.org.']],
    ['.\n{\n}\n.:54 {\n}', ['dns://:53 .', 'dns://:54 .']],
    ['. {\n bind 127.0.0.1 ::1\n}', ['dns://127.0.0.1:53 .', 'dns://[::1]:53 .']],
    ['. {\n bind 127.0.0.1\n}\ncom {\n bind ::1\n}', ['dns://127.0.0.1:53 .', 'dns://[::1]:53 com.']],
    ['. {\n bind 127.0.0.1\n}\ncom {\n}', ['dns://127.0.0.1:53 .', 'dns://:53 com.']],
    ['. {\n bind 127.0.0.1 127.0.0.2 {\n except 127.0.0.1\n }\n}', ['dns://127.0.0.2:53 .']],
    ['.:53 tls://.:5553 {\n}', ['dns://:53 .', 'tls://:5553 .']],
  ])('of %j', (text, expected) => {
    expect(listeners(text)).toEqual(expected);
  });

  test.each([
    ['. {\n}\n. {\n}', 'Corefile:3: cannot serve dns://.:53 - it is already defined'],
    [
      '. {\n}\n. {\n bind 127.0.0.1\n}',
      'cannot serve dns://.:53 on 127.0.0.1 - zone overlap listener capacity with dns://.:53',
    ],
    [
      '. {\n bind 129.0.0.1\n}\n. {\n}',
      'cannot serve dns://.:53 - zone overlap listener capacity with dns://.:53 on 129.0.0.1',
    ],
    [
      'com {\n bind 127.0.0.1\n}\ncom {\n bind 127.0.0.1\n}',
      'cannot serve dns://com.:53 on 127.0.0.1 - it is already defined',
    ],
    ['. . {\n}', 'already defined'],
  ])('refused: %j', (text, problem) => {
    expect(refused(text)).toThrow(problem);
  });
});

describe('the server block of a query', () => {
  const served = serveCorefile(
    `. {
       header {
         response set ra
       }
       last
     }
     example.org {
       last
     }
     sub.example.org {
       header {
         response clear aa
       }
       last
     }
     com:54 {
       last
     }`,
    { last },
  );
  const blockOf = async (name: string, type: 'A' | 'DS' = 'A') => {
    const reply = (await served.ask(name, type))!;
    return reply.recursionAvailable ? 'root' : reply.authoritative ? 'example.org' : 'sub';
  };

  test.each([
    ['example.net', 'root'],
    ['example.org', 'example.org'],
    ['WWW.Example.ORG', 'example.org'],
    ['a.sub.example.org', 'sub'],
    ['xexample.org', 'root'],
    ['', 'root'],
    ['a\\.example.org', 'root'],
  ])('%s', async (name, block) => {
    expect(await blockOf(name)).toBe(block);
  });

  test('DS records are the parent zone’s', async () => {
    expect(await blockOf('sub.example.org', 'DS')).toBe('example.org');
    expect(await blockOf('org', 'DS')).toBe('root');
  });

  test('REFUSED where no zone holds the name, and for other classes', async () => {
    const only = serveCorefile('example.org {\n last\n}', { last });
    expect((await only.ask('example.net'))!.rcode).toBe(responseCodes.REFUSED);
    const query = { id: 1, name: 'example.org', type: 1, class: 3 };
    const message = { ...replyTo({ id: 1, questions: [query] } as never), response: false };
    expect((await only.ask('example.org', 'A', { message }))!.rcode).toBe(responseCodes.REFUSED);
  });
});

describe('directives', () => {
  test('run in CoreDNS’s order, wherever they stand', () => {
    const { configuration } = serveCorefile('. {\n whoami\n loadbalance\n errors\n log\n}');
    expect(configuration.instances.map(({ name }) => name)).toEqual([
      'errors',
      'log',
      'loadbalance',
      'whoami',
    ]);
  });

  test.each([
    ['. {\n chache 30\n}', 'Corefile:2: unknown directive "chache"'],
    ['. {\n errrors\n}', 'unknown directive "errrors"'],
    ['. {\n etcd example.org\n}', 'Corefile:2: the plugin "etcd" is not built in'],
    ['. {\n whoami\n whoami\n}', 'Corefile:3: whoami stands twice in one server block'],
    ['. {\n errors\n whoami {\n  x\n }\n}', 'Corefile:4: whoami has no option "x"'],
  ])('refused: %j', (text, problem) => {
    expect(refused(text)).toThrow(problem);
  });

  test('a directive that is misspelt is named right', () => {
    expect(refused('. {\n errrors\n}')).toThrow(expect.objectContaining({ remedy: 'Did you mean errors?' }));
  });
});

test('of blocks for one zone the first answers whose view the query is in, and metrics and metadata say which', async () => {
  const block = (expression: string, name: string) =>
    `. {\n metadata\n view ${name} {\n expr ${expression}\n}\n template IN TXT . {\n answer "{{ .Name }} 5 IN TXT {{ .Meta \\"view/name\\" }}"\n}\n}\n`;
  const { ask, metrics } = serveCorefile(
    `${block("incidr(client_ip(), '127.0.0.0/24')", 'near')}${block("type() == 'TXT' && metadata('view/name') == 'any'", 'any')}. {\n template IN TXT . {\n rcode NXDOMAIN\n}\n}`,
  );
  const text = async (address: string, type: 'TXT' | 'A' = 'TXT') => {
    const reply = (await ask('a.org', type, { client: { address, port: 1 } }))!;
    return reply.answers.map(formatRecord)[0] ?? reply.rcode;
  };
  expect(await text('127.0.0.9')).toBe('a.org. 5 IN TXT "near"');
  expect(await text('fd00::1')).toBe('a.org. 5 IN TXT "any"');
  expect(await text('127.0.0.9', 'A')).toBe(5);
  expect(metrics.render()).toContain(
    'coredns_template_matches_total{server="dns://:53",zone=".",view="near",class="IN",type="TXT"} 1\n',
  );
});

test('a block without a view behind those with one takes the rest; two such are one too many', async () => {
  const views = '. {\n view one {\n expr false\n}\n whoami\n}\n';
  const { ask } = serveCorefile(`${views}. {\n template ANY ANY {\n rcode NXDOMAIN\n}\n}`);
  expect((await ask('a.org'))!.rcode).toBe(3);
  expect(() => serveCorefile(`${views}. {\n whoami\n}\n. {\n whoami\n}`)).toThrow('already defined');
});

test('plugins start in order; where one fails those before it are closed', async () => {
  const steps: string[] = [];
  const plugin = (name: string, fails = false) => ({
    name,
    setup: () => ({
      start: () => {
        steps.push(`start ${name}`);
        if (fails) throw new Error(`${name} fails`);
      },
      close: () => void steps.push(`close ${name}`),
    }),
  });
  const { configuration } = serveCorefile('. {\n three\n two\n one\n}', {
    context: { plugins: [plugin('one'), plugin('two', true), plugin('three')] },
  });
  await expect(configuration.start()).rejects.toThrow('two fails');
  expect(steps).toEqual(['start one', 'start two', 'close one']);
});

test('a name that a plugin resolves goes through the whole server', async () => {
  const served = serveCorefile('example.org {\n first\n}\n. {\n last\n}', {
    context: {
      plugins: [
        {
          name: 'first',
          setup: (_, { resolve }) => ({
            handler: {
              name: 'first',
              serve: (query) => resolve(query, { name: 'elsewhere.net', type: query.type }),
            },
          }),
        },
        { name: 'last', setup: () => ({ handler: { name: 'last', serve: last } }) },
      ],
    },
  });
  expect((await served.ask('www.example.org'))!.questions[0]!.name).toBe('elsewhere.net');
});
