/** What of an agent answers cluster names in the kernel, as a process in a node's namespace; says when it answers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDnsPath } from '../../src/agent/dns-path.ts';
import { FastPath } from '../../src/dns/fastpath/fast-path.ts';
import { createHttpClient } from '../../src/kube/client/http-client.ts';
import { createInformers } from '../../src/kube/client/informers.ts';
import { loadKubeconfig } from '../../src/kube/client/kubeconfig.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import { keptObjects } from '../../src/service/model/kept-objects.ts';
import { systemClock } from '../../src/util/clock.ts';
import { createLogger } from '../../src/util/logger.ts';

export interface DnsProcessSettings {
  kubeconfig: string;
  nodeName: string;
  objectsDirectory: string;
  /** On a bpffs. */
  bpfDirectory: string;
  /** The host end of the asking pod's veth. */
  ifindex: number;
}

const settings = JSON.parse(process.argv[2]!) as DnsProcessSettings;
const logger = createLogger({ level: 'warn' });
const client = createHttpClient(await loadKubeconfig(settings.kubeconfig));
const informers = createInformers({ client, logger, kept: keptObjects });
const path = openDnsPath({
  ...{ config: settings, informers, client, clock: systemClock, logger },
  openFastPath: (options) => new FastPath({ bpf: kernelBpf, ...options }),
})!;
const nothing = { attachPod: () => {}, detachPod: () => {}, detachPodOf: () => {}, retainPods: () => {} };
path.aheadOf(nothing).attachPod({ ifindex: settings.ifindex, ips: [], mac: new Uint8Array(6) });
informers.start();
while (!path.status().kernel.answering) await sleep(20);
console.log('answering');
