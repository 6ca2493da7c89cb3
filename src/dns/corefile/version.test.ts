import { expect, test } from 'vitest';
import { parseCorefile } from './parser.ts';
import { coreDnsVersion, corefileVersion } from './version.ts';

const coreDns = (text: string) => coreDnsVersion({ text, file: '/etc/coredns/Corefile', environment: {} });
const ours = (text: string) => corefileVersion(parseCorefile({ text, file: 'Corefile', environment: {} }));

/** With a snippet, blocks in blocks, a directive that stands twice, characters that Go escapes, quotes over two lines. */
const everything = String.raw`# comment
(common) {
    errors
    log . {
        class error
    }
}
.:53 example.org {
    import common
    health {
       lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    template ANY ANY "a<b&c" {
       answer "{{ .Name }} 60
 x \"quoted\""
    }
    forward . 1.1.1.1
    forward example.com 8.8.8.8
}
tls://x.org,
y.org {
 whoami
}
`;

// The sums are what github.com/coredns/caddy and encoding/json give for the same text.
test.each([
  [
    'everything',
    everything,
    'bf2cc8f8dd78c3bcc885515a51248d1f321c29e39389259b711161a7ee9ae08df678ad118dfd5af3bcc7b6b033b1fb887e1dc656c14c72620913f451566b8b4c',
  ],
  [
    'no braces',
    '.\nwhoami\nerrors\n',
    '3a23b0ff16d712a060430cffce253ba7da5583ad72b09b35b482684bdc9622ffeee52497c0a1ace64e9fd0ec9ce715625618bd61d62841fcfdd2d3bbf7896749',
  ],
])('CoreDNS’s version: %s', (_, text, sum) => {
  expect(coreDns(text)).toBe(sum);
});

test('ours stays where only comments and white space change', () => {
  expect(ours('. {\n  # none\n  errors\n}')).toBe(ours('.  {\n errors\n}'));
  expect(ours('. {\n errors\n}')).not.toBe(ours('. {\n log\n}'));
});
