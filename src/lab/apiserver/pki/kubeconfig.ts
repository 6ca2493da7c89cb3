/** Kubeconfig files with everything in them, as JSON, which is YAML too and quicker to read. */
import type { ApiEndpoint } from '../../../kube/client/kubeconfig.ts';
import type { Certificate } from './pki.ts';

export interface KubeconfigOptions {
  /** Of cluster, user and context. */
  name: string;
  /** `https://127.0.0.1:6443` */
  server: string;
  /** PEM. */
  ca: string;
  client: Certificate;
  namespace?: string;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

export function kubeconfig({ name, server, ca, client, namespace = 'default' }: KubeconfigOptions): string {
  return kubeconfigOf({ server, ca, cert: client.certificate, key: client.key, namespace }, name);
}

/** The same of any way to an API server; files that it names are named. */
export function kubeconfigOf(endpoint: ApiEndpoint, name: string): string {
  const { server, ca, insecure, serverName, cert, key, token, tokenFile, namespace = 'default' } = endpoint;
  const cluster = {
    server,
    ...(ca && { 'certificate-authority-data': base64(ca) }),
    ...(insecure && { 'insecure-skip-tls-verify': true }),
    ...(serverName && { 'tls-server-name': serverName }),
  };
  const user = {
    ...(cert && { 'client-certificate-data': base64(cert) }),
    ...(key && { 'client-key-data': base64(key) }),
    ...(token && { token }),
    ...(tokenFile && { tokenFile }),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    preferences: {},
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
