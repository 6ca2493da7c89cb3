/**
 * Where the API server is and how to be believed there: from a kubeconfig (YAML or JSON) or from the files that
 * every pod has. Format: kubernetes.io/docs/reference/config-api/kubeconfig.v1.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { TendrilError } from '../../util/errors.ts';
import { credentialPlugin, type PluginRunner } from './credential-plugin.ts';
import type { IssuedCredentials } from './credentials.ts';

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
  /** In place of all these: asked for when they are first needed, when they have expired, and when they were refused. */
  issueCredentials?: () => Promise<IssuedCredentials>;
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
  /** Users that authenticate by a program are refused without. */
  plugins?: PluginRunner;
}

/** Reads a kubeconfig file: `path`, or $KUBECONFIG, or ~/.kube/config. Throws BAD_INPUT. */
export async function loadKubeconfig(
  path?: string,
  options: Pick<KubeconfigOptions, 'context' | 'plugins'> = {},
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
  refuseUnsupported(user, context.user, { source, runsPlugins: options.plugins !== undefined });
  const field = (of: Record<string, unknown>, key: string) => pem(of, key, directory);
  const ca = field(cluster, 'certificate-authority');
  const plugin = () =>
    credentialPlugin(
      user.exec as object,
      {
        ...{ user: context.user, source, resolvePath: (path) => resolve(directory, path) },
        cluster: clusterInfo(cluster, ca),
      },
      options.plugins!,
    );
  return {
    server: requireServer(cluster.server, source),
    ca,
    // What stands in the kubeconfig itself wins, as in client-go.
    ...(user.exec !== undefined && !hasOwnCredentials(user) && { issueCredentials: plugin() }),
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

const hasOwnCredentials = (user: Record<string, unknown>): boolean =>
  ['token', 'tokenFile', 'client-certificate', 'client-certificate-data'].some((key) => Boolean(user[key]));

/** As plugins are told of it: always with the certificate itself, and with what the kubeconfig has for them alone. */
function clusterInfo(cluster: Record<string, unknown>, ca: string | undefined): Record<string, unknown> {
  const passed = [
    'server',
    'tls-server-name',
    'insecure-skip-tls-verify',
    'proxy-url',
    'disable-compression',
  ];
  const extensions = (cluster.extensions ?? []) as { name: string; extension: unknown }[];
  const own = extensions.find(({ name }) => name === 'client.authentication.k8s.io/exec');
  return {
    ...Object.fromEntries(passed.flatMap((key) => (cluster[key] ? [[key, cluster[key]]] : []))),
    ...(ca !== undefined && { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
    ...(own !== undefined && { config: own.extension }),
  };
}

function refuseUnsupported(
  user: Record<string, unknown>,
  name: string,
  { source, runsPlugins }: { source: string; runsPlugins: boolean },
): void {
  for (const key of ['exec', 'auth-provider', 'username'] as const) {
    if (user[key] === undefined || (key === 'exec' && runsPlugins)) continue;
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
