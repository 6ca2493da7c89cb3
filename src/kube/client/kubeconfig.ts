/**
 * Where the API server is and how to be believed there: from a kubeconfig (YAML or JSON) or from the files that
 * every pod has. Format: kubernetes.io/docs/reference/config-api/kubeconfig.v1.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { TendrilError } from '../../util/errors.ts';

/** The way to an API, everything resolved. */
export interface ApiEndpoint {
  /** `https://host:port`, with a path where the server is behind one. */
  server: string;
  /** Other servers of the same API, which believe the same credentials: asked in turn where one does not answer. */
  alternatives?: readonly string[];
  /** PEM. The system's authorities when absent. */
  ca?: string;
  /** PEM; client certificate and key go together. */
  cert?: string;
  key?: string;
  token?: string;
  /** Read again every minute, and when it was refused: tokens of service accounts are renewed in place. */
  tokenFile?: string;
  /** Do not check the server's certificate. */
  insecure?: boolean;
  /** The name expected in the server's certificate, where it differs from the server's address. */
  serverName?: string;
  /** The namespace of the context. */
  namespace?: string;
}

interface KubeconfigFile {
  'current-context'?: string;
  clusters?: { name: string; cluster: Record<string, unknown> }[];
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  users?: { name: string; user: Record<string, unknown> }[];
}

export interface KubeconfigOptions {
  /** The current context when absent. */
  context?: string;
  /** Relative file names in the kubeconfig start here. */
  directory?: string;
  /** Named in errors. */
  source?: string;
}

/** Reads a kubeconfig file: `path`, or $KUBECONFIG, or ~/.kube/config. Throws BAD_INPUT. */
export async function loadKubeconfig(
  path?: string,
  options: { context?: string } = {},
): Promise<ApiEndpoint> {
  const file = path ?? (process.env.KUBECONFIG?.split(':')[0] || resolve(homedir(), '.kube/config'));
  return parseKubeconfig(readText(file), { ...options, directory: dirname(file), source: file });
}

/** The same for text. The YAML reader is loaded only where the text is not JSON: agents get JSON. */
export async function parseKubeconfig(text: string, options: KubeconfigOptions = {}): Promise<ApiEndpoint> {
  const { source = 'kubeconfig', directory = '.' } = options;
  const config = (await decode(text, source)) as KubeconfigFile;
  const name = options.context ?? config['current-context'];
  if (!name)
    throw bad(source, 'has no current context', 'Name one with --context or `kubectl config use-context`.');
  const { context } = find(config.contexts, name, 'context', source);
  const { cluster } = find(config.clusters, context.cluster, 'cluster', source);
  const { user }: { user: Record<string, unknown> } = context.user
    ? find(config.users, context.user, 'user', source)
    : { user: {} };
  refuseUnsupported(user, context.user, source);
  const field = (of: Record<string, unknown>, key: string) => pem(of, key, directory);
  return {
    server: requireServer(cluster.server, source),
    ca: field(cluster, 'certificate-authority'),
    insecure: cluster['insecure-skip-tls-verify'] === true,
    serverName: cluster['tls-server-name'] as string | undefined,
    cert: field(user, 'client-certificate'),
    key: field(user, 'client-key'),
    token: user.token as string | undefined,
    tokenFile: user.tokenFile === undefined ? undefined : resolve(directory, String(user.tokenFile)),
    namespace: context.namespace,
  };
}

/** The endpoint that a pod's own service account gives. Throws BAD_INPUT outside of a pod. */
export function inClusterEndpoint(
  environment: Record<string, string | undefined> = process.env,
  directory = '/var/run/secrets/kubernetes.io/serviceaccount',
): ApiEndpoint {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) throw bad('the environment', 'has no KUBERNETES_SERVICE_HOST', 'Give a kubeconfig.');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readText(`${directory}/ca.crt`),
    tokenFile: `${directory}/token`,
    namespace: readText(`${directory}/namespace`).trim(),
  };
}

async function decode(text: string, source: string): Promise<unknown> {
  try {
    const value: unknown = text.trimStart().startsWith('{')
      ? JSON.parse(text)
      : (await import('../../util/yaml.ts')).parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', `${source} is not a kubeconfig`, { cause });
  }
  throw bad(source, 'is empty', 'Give a kubeconfig that names a server.');
}

function find<T extends { name: string }>(
  list: T[] | undefined,
  name: string,
  what: string,
  source: string,
): T {
  const found = list?.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  throw bad(
    source,
    `has no ${what} "${name}"`,
    `It has: ${list?.map((entry) => entry.name).join(', ') || 'none'}.`,
  );
}

function requireServer(server: unknown, source: string): string {
  if (typeof server === 'string' && /^https?:\/\//.test(server)) return server.replace(/\/+$/, '');
  throw bad(source, `has no usable server: ${JSON.stringify(server)}`, 'It must be an http or https URL.');
}

/** `KEY-data` (base64) wins over `KEY` (a file), as in client-go. */
function pem(of: Record<string, unknown>, key: string, directory: string): string | undefined {
  const data = of[`${key}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString();
  const file = of[key];
  return typeof file === 'string' && file !== '' ? readText(resolve(directory, file)) : undefined;
}

function refuseUnsupported(user: Record<string, unknown>, name: string, source: string): void {
  for (const key of ['exec', 'auth-provider', 'username'] as const) {
    if (user[key] === undefined) continue;
    throw bad(
      source,
      `user "${name}" authenticates by ${key}, which is not supported`,
      'Use a client certificate or a token.',
    );
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', `${path} cannot be read`, { cause });
  }
}

function bad(source: string, what: string, remedy: string): TendrilError {
  return new TendrilError('BAD_INPUT', `${source} ${what}`, { remedy });
}
