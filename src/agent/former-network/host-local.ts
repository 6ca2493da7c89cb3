/**
 * What another network plugin left on the node's disk of pods that run: host-local's reservations, a file of the address's
 * name in networks/NAME, and the results that the container runtime keeps (libcni's cache), in results/. The first tell
 * which addresses are taken, the second whose they are and where the pod's namespace is.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compareIp, type Ip, tryParseIp } from '../../net/ip.ts';

export interface Reservation {
  /** Of the conflist. */
  network: string;
  ip: Ip;
  containerId: string;
  ifName: string;
}

/** What a runtime kept of an ADD, as far as it is there. */
export interface CachedResult {
  network: string;
  containerId: string;
  ifName: string;
  netns?: string;
  /** K8S_POD_NAMESPACE, K8S_POD_NAME and K8S_POD_UID. */
  pod?: { namespace: string; name: string; uid: string };
  /** The bridge that the pod's veth is a port of. */
  bridge?: string;
}

export interface FormerPod extends CachedResult {
  ips: Ip[];
}

/** host-local writes `ID CR LF IFNAME`; before its version 0.8 the container alone. Undefined for its other files. */
export function parseReservation(name: string, text: string): Omit<Reservation, 'network'> | undefined {
  const ip = tryParseIp(name);
  const [containerId = '', ifName = 'eth0'] = text.trim().split('\r\n');
  return ip === undefined || containerId === '' ? undefined : { ip, containerId, ifName };
}

/** Undefined for what is no such file, or of a version that has not what is needed. */
export function parseCachedResult(text: string): CachedResult | undefined {
  try {
    const value = JSON.parse(text);
    const { networkName: network, containerId, ifName, netns, cniArgs = [], result = {} } = value;
    if (value.kind !== 'cniCacheV1' || ![network, containerId, ifName].every(isText)) return undefined;
    const args = Object.fromEntries(cniArgs) as Record<string, string>;
    const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name, K8S_POD_UID: uid = '' } = args;
    const bridge = bridgeOf(result);
    return {
      ...{ network, containerId, ifName },
      ...(isText(netns) && { netns }),
      ...(isText(namespace) && isText(name) && { pod: { namespace, name, uid } }),
      ...(bridge !== undefined && { bridge }),
    };
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

interface ResultInterface {
  name: string;
  sandbox?: string;
}

/** The plugin bridge names it first, then the port, then the pod's own; others (ptp) begin with the host's end. */
function bridgeOf({ interfaces = [] }: { interfaces?: ResultInterface[] }): string | undefined {
  const onHost = interfaces.filter(({ sandbox }) => !sandbox);
  return onHost.length >= 2 ? onHost[0]!.name : undefined;
}

/** Reservations with what the results know of them, by attachment. Pure. */
export function joinPods(
  reservations: readonly Reservation[],
  results: readonly CachedResult[],
): FormerPod[] {
  const pods = new Map<string, FormerPod>();
  for (const { network, ip, containerId, ifName } of reservations) {
    const key = `${network}/${containerId}/${ifName}`;
    const pod = pods.get(key) ?? { network, containerId, ifName, ips: [] };
    pod.ips.push(ip);
    pods.set(key, pod);
  }
  for (const result of results) {
    const pod = pods.get(`${result.network}/${result.containerId}/${result.ifName}`);
    if (pod !== undefined) Object.assign(pod, result);
  }
  for (const { ips } of pods.values()) ips.sort((a, b) => a.family - b.family || compareIp(a, b));
  return [...pods.values()];
}

/** The files below CNI's state directory. */
export class HostLocal {
  readonly #networks: string;
  readonly #results: string;
  #read: { state: string; pods: FormerPod[] } | undefined;

  /** `/var/lib/cni`, unless plugins and runtime are told otherwise. */
  constructor(directory: string) {
    this.#networks = join(directory, 'networks');
    this.#results = join(directory, 'results');
  }

  /** Also of other networks than the node's pods'. Asked with every ADD: read anew when something was reserved or freed. */
  pods(): FormerPod[] {
    const networks = list(this.#networks);
    const state = networks.map((network) => `${network} ${mtimeOf(join(this.#networks, network))}`).join();
    // A result is written after the reservation.
    if (this.#read?.state !== state || this.#read.pods.some(({ netns }) => netns === undefined))
      this.#read = { state, pods: this.#readPods(networks) };
    return this.#read.pods;
  }

  #readPods(networks: readonly string[]): FormerPod[] {
    const reservations = networks.flatMap((network) =>
      list(join(this.#networks, network)).flatMap((name) => {
        const reservation = parseReservation(name, read(join(this.#networks, network, name)) ?? '');
        return reservation === undefined ? [] : { network, ...reservation };
      }),
    );
    if (reservations.length === 0) return [];
    const results = list(this.#results).flatMap((name) => {
      const result = parseCachedResult(read(join(this.#results, name)) ?? '');
      return result === undefined ? [] : result;
    });
    return joinPods(reservations, results);
  }

  holds(name: string): boolean {
    return list(this.#networks).some((network) => existsSync(join(this.#networks, network, name)));
  }

  /** The pod's own files; those of an address that has another owner by now stay. */
  forget({ network, containerId, ifName }: Pick<FormerPod, 'network' | 'containerId' | 'ifName'>): void {
    for (const name of list(join(this.#networks, network))) {
      const path = join(this.#networks, network, name);
      const reservation = parseReservation(name, read(path) ?? '');
      if (reservation?.containerId === containerId && reservation.ifName === ifName)
        rmSync(path, { force: true });
    }
    rmSync(join(this.#results, `${network}-${containerId}-${ifName}`), { force: true });
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function mtimeOf(directory: string): bigint {
  return statSync(directory, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
