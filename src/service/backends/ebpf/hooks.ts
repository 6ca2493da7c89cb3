/** Where programs are attached, and by which name their links are pinned. */
import type { AttachPoint } from '../../../linux/bpf/bpf.ts';

export type ObjectName = 'sock' | 'pod' | 'host';

export interface Hook {
  object: ObjectName;
  program: string;
  at: AttachPoint;
  /** Below the directory of links. */
  link: string;
  /** Only tells a socket the names that other hooks remembered. */
  names?: boolean;
}

const families = (hook: string) => [`${hook}4`, `${hook}6`];
const choosing = ['connect', 'sendmsg'].flatMap(families);
const naming = ['recvmsg', 'getpeername'].flatMap(families);
const directions = ['ingress', 'egress'] as const;

/** Of the node itself. */
export function nodeHooks({ cgroup, uplinkIfindex }: { cgroup: string; uplinkIfindex: number }): Hook[] {
  return [
    ...choosing.map((hook) => socketHook(hook, cgroup)),
    ...naming.map((hook) => ({ ...socketHook(hook, cgroup), names: true })),
    ...uplinkHooks(uplinkIfindex),
  ];
}

function socketHook(hook: string, path: string): Hook {
  return { object: 'sock', program: `sock_${hook}`, at: { type: 'cgroup', path }, link: `sock-${hook}` };
}

/** Of packets from and to other machines. */
export function uplinkHooks(ifindex: number): Hook[] {
  return directions.map((direction) => ({
    object: 'host',
    program: `host_${direction}`,
    at: { type: 'tcx', direction, ifindex },
    link: `uplink-${direction}`,
  }));
}

/** clsact: pods come and go by the hundred, and a tcx link would cost each one two RCU grace periods. */
export function podHooks(ifindex: number): Hook[] {
  return directions.map((direction) => ({
    object: 'pod',
    program: `pod_${direction}`,
    at: { type: 'clsact', direction, ifindex },
    link: `pod-${ifindex}-${direction}`,
  }));
}
