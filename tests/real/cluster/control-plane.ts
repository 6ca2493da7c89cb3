/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler, in the namespace of the control plane's node. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentNamespace, dnsNamespace } from '../../../src/deploy/values.ts';
import { auditPolicy } from '../access/audit.ts';
import {
  apiServer,
  clusterDirectory,
  kubeconfigPath,
  type NodeLayout,
  nodes,
  podCidrs,
  serviceCidrs,
} from './layout.ts';
import { program } from './parts.ts';
import { run, start, waitFor } from './process.ts';

const pki = join(clusterDirectory, 'pki');
const pem = (name: string, kind: 'crt' | 'key' | 'pub'): string => join(pki, `${name}.${kind}`);

const apiNames = [
  ...['10.90.0.10', 'fd90::10', '10.96.0.1', 'fd96::1', '127.0.0.1'].map((ip) => `IP:${ip}`),
  ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map((name) => `DNS:${name}`),
].join(',');

export function makeCertificates(): void {
  mkdirSync(pki, { recursive: true });
  const rsa = ['-newkey', 'rsa:2048', '-nodes'];
  run('openssl', [
    'req',
    '-x509',
    ...rsa,
    '-days',
    '30',
    '-keyout',
    pem('ca', 'key'),
    '-out',
    pem('ca', 'crt'),
    '-subj',
    '/CN=real-ca',
  ]);
  issue('api', '/CN=kube-apiserver', `subjectAltName=${apiNames}`);
  issue('admin', '/O=system:masters/CN=admin');
  issue('front', '/CN=front-proxy-client');
  run('openssl', ['genrsa', '-out', pem('sa', 'key'), '2048']);
  run('openssl', ['rsa', '-in', pem('sa', 'key'), '-pubout', '-out', pem('sa', 'pub')]);
  writeFileSync(kubeconfigPath, renderKubeconfig('admin'), { mode: 0o600 });
}

function issue(name: string, subject: string, extension = ''): void {
  const request = join(pki, `${name}.csr`);
  const extensions = join(pki, `${name}.ext`);
  writeFileSync(extensions, extension);
  run('openssl', [
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    pem(name, 'key'),
    '-out',
    request,
    '-subj',
    subject,
  ]);
  const authority = ['-CA', pem('ca', 'crt'), '-CAkey', pem('ca', 'key'), '-CAcreateserial'];
  run('openssl', [
    'x509',
    '-req',
    '-in',
    request,
    ...authority,
    '-days',
    '30',
    '-out',
    pem(name, 'crt'),
    '-extfile',
    extensions,
  ]);
}

function renderKubeconfig(user: string): string {
  const data = (path: string) => readFileSync(path).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'real',
    clusters: [
      { name: 'real', cluster: { server: apiServer, 'certificate-authority-data': data(pem('ca', 'crt')) } },
    ],
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': data(pem(user, 'crt')),
          'client-key-data': data(pem(user, 'key')),
        },
      },
    ],
    contexts: [{ name: 'real', context: { cluster: 'real', user } }],
  });
}

/** Of a node's kubelet, as kubeadm names it. */
export function nodeKubeconfig({ name }: NodeLayout): string {
  issue(`node-${name}`, `/O=system:nodes/CN=system:node:${name}`);
  return renderKubeconfig(`node-${name}`);
}

export const caPath = pem('ca', 'crt');

/** For curl. */
export const asAdministrator = [
  '--cacert',
  caPath,
  '--cert',
  pem('admin', 'crt'),
  '--key',
  pem('admin', 'key'),
];

const auditPolicyPath = join(clusterDirectory, 'audit-policy.json');
/** What Tendril asked of the API server, since the cluster is. */
export const auditLogPath = join(clusterDirectory, 'log/audit');
const tendrilsUsers = [`${agentNamespace}:tendril-agent`, `${dnsNamespace}:tendril-dns`].map(
  (account) => `system:serviceaccount:${account}`,
);

/** In the namespace of the control plane's node. */
function inside(name: string, path: string, flags: Record<string, string>): void {
  const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  start(name, 'nsenter', [`--net=/run/netns/${nodes()[0]!.netns}`, path, ...words]);
}

export async function startApiServer(): Promise<void> {
  inside('kube-apiserver', program('kube-apiserver'), apiServerFlags(nodes()[0]!));
  await waitFor('the API server’s readiness', 240, () => kubectl('get', '--raw', '/readyz'));
}

export async function startControlPlane(): Promise<void> {
  inside('etcd', program('etcd'), {
    'data-dir': join(clusterDirectory, 'etcd'),
    'listen-client-urls': 'http://127.0.0.1:2379',
    'advertise-client-urls': 'http://127.0.0.1:2379',
    'listen-peer-urls': 'http://127.0.0.1:2380',
  });
  writeFileSync(auditPolicyPath, JSON.stringify(auditPolicy(tendrilsUsers)));
  await startApiServer();
  const common = { kubeconfig: kubeconfigPath, 'leader-elect': 'false' };
  inside('kube-controller-manager', program('kube-controller-manager'), {
    ...common,
    'service-account-private-key-file': pem('sa', 'key'),
    'root-ca-file': caPath,
    'use-service-account-credentials': 'true',
    'allocate-node-cidrs': 'true',
    'cluster-cidr': podCidrs,
    'service-cluster-ip-range': serviceCidrs,
    'node-cidr-mask-size-ipv4': '24',
    'node-cidr-mask-size-ipv6': '64',
    'cluster-signing-cert-file': caPath,
    'cluster-signing-key-file': pem('ca', 'key'),
  });
  inside('kube-scheduler', program('kube-scheduler'), common);
}

function apiServerFlags({ ipv4 }: NodeLayout): Record<string, string> {
  return {
    'etcd-servers': 'http://127.0.0.1:2379',
    'advertise-address': ipv4,
    'secure-port': '6443',
    'tls-cert-file': pem('api', 'crt'),
    'tls-private-key-file': pem('api', 'key'),
    'client-ca-file': caPath,
    'service-account-key-file': pem('sa', 'pub'),
    'service-account-signing-key-file': pem('sa', 'key'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'authorization-mode': 'Node,RBAC',
    'allow-privileged': 'true',
    'service-cluster-ip-range': serviceCidrs,
    'kubelet-preferred-address-types': 'InternalIP',
    'kubelet-client-certificate': pem('admin', 'crt'),
    'kubelet-client-key': pem('admin', 'key'),
    'enable-admission-plugins': 'NodeRestriction',
    'proxy-client-cert-file': pem('front', 'crt'),
    'proxy-client-key-file': pem('front', 'key'),
    'requestheader-client-ca-file': caPath,
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'audit-policy-file': auditPolicyPath,
    'audit-log-path': auditLogPath,
  };
}

/** As the administrator, from the control plane's node. */
export function kubectl(...words: string[]): string {
  return kubectlWith(undefined, ...words);
}

export function kubectlWith(input: string | undefined, ...words: string[]): string {
  const [command, ...rest] = kubectlCommand(...words);
  return run(command!, rest, input);
}

/** The words that run it. */
export function kubectlCommand(...words: string[]): string[] {
  const inside = `--net=/run/netns/${nodes()[0]!.netns}`;
  return ['nsenter', inside, program('kubectl'), '--kubeconfig', kubeconfigPath, ...words];
}
