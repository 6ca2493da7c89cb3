/** TCP connections that a pod has, by its own sockets: who is called by whom, where policies come to a pod that runs. */
import { openNetns } from '../linux/netns/netns.ts';
import { SockDiag, type SocketEntry, socketStates } from '../linux/sock-diag/sock-diag.ts';
import { equalIp, type Ip } from '../net/ip.ts';
import type { PodConnection } from '../policy/policy-engine.ts';

const { ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LISTEN } = socketStates;
const open = [ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT];
const asked = [...open, LISTEN].reduce((bits, state) => bits | (1 << state), 0);

/** @throws KernelError where the namespace is gone */
export function connectionsIn(netnsPath: string, ips: readonly Ip[]): PodConnection[] {
  using netns = openNetns(netnsPath);
  using sockets = new SockDiag(netns);
  return connectionsAmong(sockets.list('TCP', asked), ips);
}

/** Of sockets with one of these addresses: a port that somebody listens at was called, any other one calls. */
export function connectionsAmong(
  sockets: readonly Pick<SocketEntry, 'state' | 'local' | 'remote'>[],
  ips: readonly Ip[],
): PodConnection[] {
  const served = new Set(sockets.flatMap(({ state, local }) => (state === LISTEN ? [local.port] : [])));
  return sockets
    .filter(({ state, local }) => open.includes(state as 1) && ips.some((ip) => equalIp(ip, local.ip)))
    .map(({ local, remote }) =>
      served.has(local.port)
        ? { direction: 'ingress', client: remote, server: local }
        : { direction: 'egress', client: local, server: remote },
    );
}
