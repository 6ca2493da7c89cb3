/** Certificates of a lab and the kubeconfigs made of them, for everyone who talks to the API server. */

import { formatKubeconfig } from '../apiserver/kubeconfig.ts';
import { createPki } from '../apiserver/pki.ts';
import type { LabConfig } from '../topology/lab-config.ts';
import { hostText } from './host-text.ts';

export interface Credentials {
  /** PEM. */
  ca: string;
  serverCertificate: string;
  serverKey: string;
  /** For users of the machine, by 127.0.0.1. */
  adminKubeconfig: string;
  /** By the fabric. JSON, which is valid YAML and is read without a YAML parser. */
  nodeKubeconfig: (node: string) => string;
  dnsKubeconfig: string;
}

export async function createCredentials(config: LabConfig): Promise<Credentials> {
  void hostText;
  void createPki;
  void formatKubeconfig;
  throw new Error(`not joined yet: ${config.name}`);
}
