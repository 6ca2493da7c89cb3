import { describe, expect, it } from 'vitest';
import type { Namespace, NetworkPolicy, Pod } from '../../kube/types.ts';
import type { Party } from './parties.ts';
import { judgedText, judgeEach } from './verdicts.ts';

const meta = (name: string, labels = {}) => ({
  ...{ namespace: 'shop', name, labels, uid: name, resourceVersion: '1' },
  creationTimestamp: '2026-01-01T00:00:00Z',
});
const pod = (name: string, ...ips: string[]) =>
  ({
    metadata: meta(name, { app: name }),
    spec: { containers: [] },
    status: { podIPs: ips.map((ip) => ({ ip })) },
  }) as unknown as Pod;
const policy = (name: string, spec: object) =>
  ({ metadata: meta(name), spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec } }) as NetworkPolicy;
const party = (name: string, node: string, ...ips: string[]): Party => ({
  ...{ name: `shop/${name}`, pod: `shop/${name}`, node, ips },
});

const pods = [pod('web', '10.0.0.1', 'fd00::1'), pod('db', '10.0.0.2', 'fd00::2')];
const web = party('web', 'node-1', '10.0.0.1', 'fd00::1');
const db = party('db', 'node-2', '10.0.0.2', 'fd00::2');
const deny = policy('deny', {});
const allowWeb = policy('allow-web', {
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 5432 }] }],
});
const judged = (policies: NetworkPolicy[], from: Party, to: Party, port = 5432) =>
  judgeEach({ policies, namespaces: [] as Namespace[], pods }, from, [{ party: to, protocol: 'TCP', port }]);

describe('the verdict', () => {
  it('is one for both families where they are alike', () => {
    expect(judged([deny, allowWeb], web, db)).toEqual([
      {
        ...{ from: 'shop/web', to: 'shop/db', protocol: 'TCP', port: 5432 },
        ...{ families: ['IPv4', 'IPv6'], allowed: true },
        egress: { isolatedBy: [], allowedBy: undefined },
        ingress: { isolatedBy: ['shop/deny', 'shop/allow-web'], allowedBy: 'shop/allow-web ingress[0]' },
      },
    ]);
  });

  it('is one for each family where they are not', () => {
    const blocks = policy('blocks', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] });
    expect(judged([blocks], web, db).map(({ families, allowed }) => [families, allowed])).toEqual([
      [['IPv4'], true],
      [['IPv6'], false],
    ]);
  });

  it('is none where they have no family in common', () => {
    expect(judged([], { ...web, ips: ['10.0.0.1'] }, { ...db, ips: ['fd00::2'] })).toEqual([]);
  });

  it('is not asked for between a pod and itself, or its node', () => {
    const node = (name: string): Party => ({ name: '172.20.0.1', node: name, ips: ['172.20.0.1'] });
    expect(judged([deny], db, db)).toMatchObject([{ allowed: true, always: expect.any(String) }]);
    expect(judged([deny], node('node-2'), db)).toMatchObject([{ allowed: true }]);
    expect(judged([deny], node('node-1'), db)).toMatchObject([{ allowed: false }]);
    expect(judged([deny], { ...web, node: 'node-2' }, db)).toMatchObject([{ allowed: false }]);
  });
});

describe('the text', () => {
  it('tells the rule that allows', () => {
    expect(judgedText(judged([deny, allowWeb], web, db))).toBe(
      [
        'shop/web to shop/db, TCP 5432: allowed',
        '  egress of shop/web: not isolated',
        '  ingress of shop/db: isolated by shop/deny, shop/allow-web; allowed by shop/allow-web ingress[0]',
        '',
      ].join('\n'),
    );
  });

  it('tells whose isolation denies', () => {
    const text = judgedText(judged([deny, allowWeb], { ...web, ips: ['fd00::1'] }, db, 22));
    expect(text).toMatch(/^shop\/web to shop\/db, TCP 22 over IPv6: denied\n/);
    expect(text).toMatch(/isolated by shop\/deny, shop\/allow-web; no rule allows it\n$/);
  });
});
