/** What policies make of an attempt, and why, in words. Pure. */
import { evaluate, type PolicyObjects, type Side } from '../../policy/evaluate.ts';
import type { Party, Receiver } from './parties.ts';

export interface Judged {
  from: string;
  to: string;
  protocol: string;
  port: number;
  /** Addresses that it is so for: of one family, or of both. */
  families: ('IPv4' | 'IPv6')[];
  allowed: boolean;
  /** Passes whatever policies say. */
  always?: string;
  egress: Side;
  ingress: Side;
}

const familyOf = (ip: string) => (ip.includes(':') ? 'IPv6' : 'IPv4');

/** One for each receiver; two where IPv4 and IPv6 are judged differently; none where they share no family. */
export function judgeEach(objects: PolicyObjects, from: Party, receivers: readonly Receiver[]): Judged[] {
  return receivers.flatMap((receiver) => {
    const judged = (['IPv4', 'IPv6'] as const).flatMap((family) => {
      const one = judgeFamily(objects, family, { from, receiver });
      return one === undefined ? [] : [one];
    });
    const [first, second] = judged;
    if (first === undefined || second === undefined || !isAlike(first, second)) return judged;
    return [{ ...first, families: [...first.families, ...second.families] }];
  });
}

function judgeFamily(
  objects: PolicyObjects,
  family: 'IPv4' | 'IPv6',
  { from, receiver }: { from: Party; receiver: Receiver },
): Judged | undefined {
  const { party: to, protocol, port } = receiver;
  const [source, destination] = [from, to].map(({ ips }) => ips.find((ip) => familyOf(ip) === family));
  if (source === undefined || destination === undefined) return undefined;
  const end = ({ pod }: Party, ip: string) => (pod === undefined ? { ip } : { pod, ip });
  const verdict = evaluate(objects, {
    ...{ from: end(from, source), to: end(to, destination), protocol, port },
  });
  const always = alwaysPasses(from, to);
  return {
    ...{ from: from.name, to: to.name, protocol, port, families: [family] },
    ...verdict,
    ...(always !== undefined && { allowed: true, always }),
  };
}

function alwaysPasses(from: Party, to: Party): string | undefined {
  if (from.pod !== undefined && from.pod === to.pod) return 'a pod always reaches itself';
  const isOwnNode = from.node !== undefined && from.node === to.node && (!from.pod || !to.pod);
  return isOwnNode ? 'a pod and its own node always reach each other' : undefined;
}

const isAlike = (a: Judged, b: Judged): boolean =>
  JSON.stringify({ ...a, families: [] }) === JSON.stringify({ ...b, families: [] });

export function judgedText(judged: readonly Judged[]): string {
  return judged
    .map(({ from, to, protocol, port, families, allowed, always, egress, ingress }) => {
      const by = families.length === 1 ? ` over ${families[0]}` : '';
      const head = `${from} to ${to}, ${protocol} ${port}${by}: ${allowed ? 'allowed' : 'denied'}`;
      if (always !== undefined) return `${head}\n  ${always}\n`;
      return `${head}\n  egress of ${from}: ${sideText(egress)}\n  ingress of ${to}: ${sideText(ingress)}\n`;
    })
    .join('');
}

function sideText({ isolatedBy, allowedBy }: Side): string {
  if (isolatedBy.length === 0) return 'not isolated';
  const rule = allowedBy === undefined ? 'no rule allows it' : `allowed by ${allowedBy}`;
  return `isolated by ${isolatedBy.join(', ')}; ${rule}`;
}
