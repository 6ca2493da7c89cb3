/**
 * The kubelets' own servers, where an API server of the machine dials them: at the nodes' InternalIP, port 10250.
 * Nodes are namespaces that the machine has no way into, and stay so: the nodes' addresses are given to the machine's
 * loopback interface, and the lab's server, in which the kubelets are, listens there. What was added is written down
 * in the lab's directory first, and removed from there.
 */
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient } from '../../kube/client/client.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { cidrsOverlap, parseCidr } from '../../net/cidr.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import type { UserInfo } from '../apiserver/api-request.ts';
import { type Listener, listenHttps } from '../apiserver/http/https-server.ts';
import { createCertificateAuthority } from '../apiserver/pki/pki.ts';
import {
  isStreamPath,
  type KubeletAnswers,
  kubeletHandler,
  kubeletPort,
} from '../kubelet/server/kubelet-handler.ts';
import type { LabConfig, LabNodeConfig } from '../topology/lab-config.ts';

/** The kernel's number of the loopback interface, in every namespace. */
const loopback = 1;
const fullPrefix = { 4: 32, 6: 128 } as const;
const recordFile = (root: string) => join(root, 'kubelet-addresses.json');

/**
 * Nothing of the machine may have the fabric's addresses: they would lead elsewhere, or be another lab's kubelets'.
 * @throws TendrilError BAD_INPUT
 */
export function requireFreeAddresses({ fabricCidrs }: Pick<LabConfig, 'fabricCidrs'>): void {
  using machine = openRouteNetlink();
  const cidrs = fabricCidrs.map((text) => parseCidr(text));
  const taken = machine.addresses().find((at) => cidrs.some((cidr) => cidrsOverlap(at, cidr)));
  if (taken === undefined) return;
  const text = `${formatIp(taken.ip)}/${taken.prefix}`;
  throw new TendrilError('BAD_INPUT', `this machine has the address ${text}, in the nodes' own network`, {
    remedy: 'If another lab on an external API server has it, take that one down; else remove the address.',
  });
}

export interface KubeletServersOptions {
  root: string;
  /** PEM: of who may ask. */
  clientCa: string;
  client: Pick<KubeClient, 'request'>;
  answers: Omit<KubeletAnswers, 'mayProxy'>;
}

/** Resolves when every node's is listened on; what it gives ends them. */
export async function startKubeletServers(
  config: LabConfig,
  { root, clientCa, client, answers }: KubeletServersOptions,
): Promise<() => Promise<void>> {
  addAddresses(
    root,
    config.nodes.flatMap(({ ips }) => ips),
  );
  const authority = createCertificateAuthority(`tendril-${config.name}-kubelets`);
  const listeners = await Promise.all(
    config.nodes.map(async (node) => {
      const { certificate, key } = await authority.serverCertificate([node.name, ...node.ips]);
      const handle = kubeletHandler({
        ...answers,
        mayProxy: (user, verb) => mayProxy(client, { user, verb, node: node.name }),
      });
      return await listenAt(node, { certificate, key, clientCa, handle });
    }),
  );
  return async () => void (await Promise.all(listeners.flat().map((listener) => listener.close())));
}

function listenAt(
  { ips }: LabNodeConfig,
  {
    handle,
    ...tls
  }: { certificate: string; key: string; clientCa: string; handle: Parameters<typeof listenHttps>[0] },
): Promise<Listener[]> {
  const upgradable = ({ url = '' }: { url?: string }) => isStreamPath(url);
  return Promise.all(
    ips.map((host) => listenHttps(handle, { ...tls, upgradable, at: { host, port: kubeletPort } })),
  );
}

interface ProxyQuestion {
  user: UserInfo;
  verb: string;
  node: string;
}

/** As a kubelet with --authorization-mode=Webhook asks. */
async function mayProxy(
  client: Pick<KubeClient, 'request'>,
  { user, verb, node }: ProxyQuestion,
): Promise<boolean> {
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const resourceAttributes = { verb, version: 'v1', resource: 'nodes', subresource: 'proxy', name: node };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: user.username, groups: user.groups, resourceAttributes },
  };
  const { status } = (await client.request('POST', path, review)) as { status?: { allowed?: boolean } };
  return status?.allowed === true;
}

function addAddresses(root: string, ips: readonly string[]): void {
  writeFileSync(recordFile(root), JSON.stringify(ips));
  using machine = openRouteNetlink();
  for (const ip of ips.map(parseIp))
    machine.ensureAddress({ link: loopback, ip, prefix: fullPrefix[ip.family], noDad: true });
}

/** What `startKubeletServers` gave to the machine; nothing where it gave nothing. */
export function removeKubeletAddresses(root: string): void {
  const file = recordFile(root);
  if (!existsSync(file)) return;
  using machine = openRouteNetlink();
  for (const ip of (JSON.parse(readFileSync(file, 'utf8')) as string[]).map(parseIp))
    machine.deleteAddress({ link: loopback, ip, prefix: fullPrefix[ip.family] });
  unlinkSync(file);
}
