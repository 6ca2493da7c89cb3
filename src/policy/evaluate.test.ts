import { expect, test } from 'vitest';
import { evaluate } from './evaluate.ts';
import { namespace, pod, policy } from './testing/objects.ts';

const objects = {
  namespaces: [namespace('a'), namespace('b', { team: 'y' })],
  pods: [
    pod('a/server', { labels: { app: 'server' }, ips: ['10.0.0.1', 'fd00::1'], ports: ['web:80/TCP'] }),
    pod('b/client', { labels: { app: 'client' }, ips: ['10.0.0.2'] }),
  ],
  policies: [
    policy('a/deny', {}),
    policy('a/web', {
      podSelector: { matchLabels: { app: 'server' } },
      ingress: [
        { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] },
        { from: [{ namespaceSelector: { matchLabels: { team: 'y' } } }], ports: [{ port: 'web' }] },
      ],
    }),
    policy('b/egress', {
      policyTypes: ['Egress'],
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/24' } }], ports: [{ port: 80 }] }],
    }),
  ],
};
const open = { isolatedBy: [], allowedBy: undefined };
const client = { pod: 'b/client' };
const server = { pod: 'a/server' };

test('names the policies that isolate each end, and the rule that allows', () => {
  expect(evaluate(objects, { from: client, to: server, protocol: 'TCP', port: 80 })).toEqual({
    allowed: true,
    ingress: { isolatedBy: ['a/deny', 'a/web'], allowedBy: 'a/web ingress[1]' },
    egress: { isolatedBy: ['b/egress'], allowedBy: 'b/egress egress[0]' },
  });
});

test('one end that does not let it pass is enough', () => {
  const from = { ip: '192.0.2.1' };
  expect(evaluate(objects, { from, to: server, protocol: 'UDP', port: 5 })).toMatchObject({
    allowed: true,
    egress: open,
  });
  expect(
    evaluate(objects, { from: client, to: { ip: '10.0.0.9' }, protocol: 'TCP', port: 81 }),
  ).toMatchObject({
    allowed: false,
    ingress: open,
    egress: { isolatedBy: ['b/egress'], allowedBy: undefined },
  });
});

test('an address is the pod’s that has it', () => {
  const byName = evaluate(objects, { from: client, to: server, protocol: 'TCP', port: 80 });
  const byAddress = { from: { ip: '10.0.0.2' }, to: { ip: '10.0.0.1' } };
  expect(evaluate(objects, { ...byAddress, protocol: 'TCP', port: 80 })).toEqual(byName);
});

test('a pod reaches itself, whatever isolates it', () => {
  const verdict = evaluate(objects, { from: server, to: server, protocol: 'TCP', port: 80 });
  expect(verdict).toMatchObject({ allowed: true, ingress: { allowedBy: undefined } });
});
