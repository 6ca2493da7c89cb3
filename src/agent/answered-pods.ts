/**
 * Which pods the kernel answers cluster names: an answer out of the kernel stands for one of a DNS server, so only a pod
 * that may ask one has the program at its interface. The others send packets, which their policies judge.
 */
import type { Ip } from '../net/ip.ts';

/** Where a DNS server answers datagrams. */
export interface DnsPlace {
  ip: Ip;
  port: number;
}

export interface AnsweredPodsOptions {
  /** Those that pods of the node ask; undefined while they are not known. */
  servers: () => readonly DnsPlace[] | undefined;
  /** Whether a pod may ask a server; undefined while that is not known. */
  isLetTo: (pod: Ip, server: DnsPlace) => boolean | undefined;
  attach: (ifindex: number) => void;
  detach: (ifindex: number) => void;
}

interface Pod {
  ips: readonly Ip[];
  /** Undefined where it is as an earlier agent left it. */
  answered: boolean | undefined;
}

export class AnsweredPods {
  readonly #options: AnsweredPodsOptions;
  readonly #pods = new Map<number, Pod>();

  constructor(options: AnsweredPodsOptions) {
    this.#options = options;
  }

  add(ifindex: number, ips: readonly Ip[]): void {
    const pod = { ips, answered: undefined };
    this.#pods.set(ifindex, pod);
    this.#judge(ifindex, pod);
  }

  /** Its interface goes, and the program with it. */
  remove(ifindex: number): void {
    this.#pods.delete(ifindex);
  }

  retain(ifindexes: ReadonlySet<number>): void {
    for (const ifindex of this.#pods.keys()) if (!ifindexes.has(ifindex)) this.#pods.delete(ifindex);
  }

  /** Policies or servers are others. */
  refresh(): void {
    for (const [ifindex, pod] of this.#pods) this.#judge(ifindex, pod);
  }

  #judge(ifindex: number, pod: Pod): void {
    const { attach, detach } = this.#options;
    const mayAsk = this.#mayAsk(pod.ips);
    if (mayAsk === undefined || mayAsk === pod.answered) return;
    (mayAsk ? attach : detach)(ifindex);
    pod.answered = mayAsk;
  }

  /** All servers that it could come to, since the kernel does not choose one. */
  #mayAsk(ips: readonly Ip[]): boolean | undefined {
    const { servers, isLetTo } = this.#options;
    const verdicts = ips.flatMap((ip) =>
      servers()
        ?.filter((server) => server.ip.family === ip.family)
        .map((server) => isLetTo(ip, server)),
    );
    if (verdicts.includes(false)) return false;
    return verdicts.includes(undefined) ? undefined : true;
  }
}
