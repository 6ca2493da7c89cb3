/** Certificates of a lab and the kubeconfigs made of them, for everyone who talks to the API server. */

import { nthIp, parseCidr } from '../../net/cidr.ts';
import { formatIp } from '../../net/ip.ts';
import { kubeconfig } from '../apiserver/pki/kubeconfig.ts';
import {
  adminGroups,
  apiServerNames,
  type Certificate,
  createCertificateAuthority,
  nodeGroups,
  nodeUser,
} from '../apiserver/pki/pki.ts';
import type { LabConfig } from '../topology/lab-config.ts';
import { hostText } from './host-text.ts';

export interface Credentials {
  /** PEM. */
  ca: string;
  server: Certificate;
  /** For users of the machine, by 127.0.0.1. */
  adminKubeconfig: (port: number) => string;
  /** By the fabric. @throws RangeError for a name that is no node of the lab */
  nodeKubeconfig: (node: string) => string;
  dnsKubeconfig: string;
}

export async function createCredentials(config: LabConfig): Promise<Credentials> {
  const authority = await createCertificateAuthority(`tendril-${config.name}`);
  const { certificate: ca } = authority;
  const [server, admin, dns, ...nodes] = await Promise.all([
    authority.serverCertificate(serverNames(config)),
    authority.clientCertificate('kubernetes-admin', adminGroups),
    authority.clientCertificate('system:serviceaccount:kube-system:tendril-dns', ['system:serviceaccounts']),
    ...config.nodes.map(({ name }) => authority.clientCertificate(nodeUser(name), nodeGroups)),
  ]);
  const name = `tendril-${config.name}`;
  const onFabric = `https://${hostText(config.apiServerIps[0]!)}:${config.apiServerPort}`;
  const kubeconfigs = new Map(
    config.nodes.map((node, i) => [node.name, kubeconfig({ name, server: onFabric, ca, client: nodes[i]! })]),
  );
  return {
    ca,
    server: server!,
    adminKubeconfig: (port) => kubeconfig({ name, server: `https://127.0.0.1:${port}`, ca, client: admin! }),
    dnsKubeconfig: kubeconfig({ name, server: onFabric, ca, client: dns! }),
    nodeKubeconfig: (node) => {
      const text = kubeconfigs.get(node);
      if (text === undefined) throw new RangeError(`${node} is no node of the lab`);
      return text;
    },
  };
}

/** Names and addresses by which the API server is called: the fabric's, the machine's, and its Service's. */
function serverNames(config: LabConfig): string[] {
  const services = config.serviceCidrs.map((text) => formatIp(nthIp(parseCidr(text), 1)));
  return [...apiServerNames(config.clusterDomain), ...config.apiServerIps, ...services];
}
