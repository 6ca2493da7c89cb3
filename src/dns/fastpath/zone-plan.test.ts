import { expect, test } from 'vitest';
import { parseCorefile } from '../corefile/parser.ts';
import { planZone } from './zone-plan.ts';

const decide = (text: string) => planZone(parseCorefile({ text, file: 'Corefile', environment: {} }));

const kubernetes = `kubernetes cluster.local in-addr.arpa ip6.arpa {
  pods insecure
  fallthrough in-addr.arpa ip6.arpa
  ttl 30
}`;

test('kubeadm’s Corefile leaves the zone to the kernel', () => {
  const text = `.:53 {
    errors
    health {
      lameduck 5s
    }
    ready
    ${kubernetes}
    prometheus :9153
    forward . /etc/resolv.conf {
      max_concurrent 1000
    }
    cache 30
    loop
    reload
    loadbalance
  }`;
  expect(decide(text)).toEqual({ zone: 'cluster.local', ttl: 30, recursive: true });
});

test('the plugin’s zones are the server block’s where it names none', () => {
  expect(decide('example.org:53 {\n kubernetes\n}')).toEqual({
    zone: 'example.org',
    ttl: 5,
    recursive: false,
  });
});

test.each([
  ['hosts example.net', 'hosts /etc/hosts example.net'],
  ['template for another zone', 'template IN A example.net {\n answer "{{ .Name }} 60 IN A 192.0.2.1"\n}'],
])('what is for other zones only is no obstacle: %s', (_, line) => {
  expect(decide(`. {\n${line}\n${kubernetes}\n}`)).toEqual({
    zone: 'cluster.local',
    ttl: 30,
    recursive: false,
  });
});

test.each([
  ['log', 'log'],
  ['hosts', 'hosts {\n 192.0.2.1 web.shop.svc.cluster.local\n}'],
  ['hosts', 'hosts /etc/hosts local'],
  ['rewrite', 'rewrite name a.example b.example'],
  ['acl', 'acl {\n block net 10.0.0.0/8\n}'],
  ['template', 'template ANY ANY {\n rcode NXDOMAIN\n}'],
  ['autopath', 'autopath @kubernetes'],
  ['local', 'local'],
  ['loadbalance', 'loadbalance weighted weights.txt'],
  ['loadbalance', 'loadbalance {\n prefer 10.0.0.0/8\n}'],
  ['view', 'view inside {\n expr true\n}'],
])('an obstacle: %s', (name, line) => {
  const decision = decide(`. {\n${line}\n${kubernetes}\n}`);
  expect(decision).toEqual({
    obstacle: expect.stringMatching(new RegExp(`^${name} \\(Corefile:2\\) comes before kubernetes`)),
  });
});

test.each([
  ['the servers do not take the ttl "abc"', '. {\n kubernetes cluster.local {\n ttl abc\n}\n}'],
  ['the servers do not take the ttl "3601"', '. {\n kubernetes cluster.local {\n ttl 3601\n}\n}'],
  ['no server block on port 53 has the plugin kubernetes', '. {\n whoami\n}'],
  ['no server block on port 53 has the plugin kubernetes', `.:5353 {\n ${kubernetes}\n}`],
  ['the plugin kubernetes has no zone of its own', '. {\n kubernetes\n}'],
  [
    'another server block answers for shop.svc.cluster.local',
    `. {\n ${kubernetes}\n}\nshop.svc.cluster.local {\n whoami\n}`,
  ],
  ['another server block answers for local', `. {\n ${kubernetes}\n}\nlocal {\n whoami\n}`],
  [
    'kubernetes lets names of cluster.local fall through (Corefile:3)',
    '. {\n kubernetes cluster.local {\n fallthrough\n}\n}',
  ],
  [
    'kubernetes lets names of cluster.local fall through (Corefile:3)',
    '. {\n kubernetes cluster.local {\n fallthrough cluster.local\n}\n}',
  ],
  [
    "kubernetes' option namespaces (Corefile:3) is known to the server only",
    '. {\n kubernetes cluster.local {\n namespaces shop\n}\n}',
  ],
])('%s', (obstacle, text) => {
  expect(decide(text)).toEqual({ obstacle });
});
