/** Kubeconfig files with everything in them, as JSON, which is YAML too and quicker to read. */
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
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(client.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    preferences: {},
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
