/**
 * Users that authenticate by a program (`exec` in a kubeconfig), as client-go runs them: what the program is told, and
 * what it answers. Format: kubernetes.io/docs/reference/config-api/client-authentication.v1.
 */
import { TendrilError } from '../../util/errors.ts';
import type { IssuedCredentials } from './credentials.ts';

/** One run of the program. */
export interface PluginCall {
  command: string;
  args: readonly string[];
  /** Beside the environment of this process. */
  env: Readonly<Record<string, string>>;
  /** It may ask its user: standard input is this process's. */
  interactive: boolean;
}

/** Who runs programs: the command line does. */
export interface PluginRunner {
  /** Whether standard input is a terminal. */
  readonly hasTerminal: boolean;
  /** What it prints. Rejects with the exit status, or with the system's error where it cannot be run (ENOENT). */
  run(call: PluginCall): Promise<string>;
}

/** As the kubeconfig has it. */
interface ExecConfig {
  apiVersion?: string;
  command?: string;
  args?: string[] | null;
  env?: { name: string; value: string }[] | null;
  installHint?: string;
  interactiveMode?: string;
  provideClusterInfo?: boolean;
}

export interface PluginContext {
  /** The user's name, and the kubeconfig's, for errors. */
  user: string;
  source: string;
  /** Makes a program's path that is not looked up in $PATH absolute. */
  resolvePath: (path: string) => string;
  /** The spec's `cluster`, for plugins that want it. */
  cluster: Record<string, unknown>;
}

const group = 'client.authentication.k8s.io';
const versions = [`${group}/v1`, `${group}/v1beta1`];
const interactiveModes = ['Never', 'IfAvailable', 'Always'];

/** A function that runs the program. @throws TendrilError BAD_INPUT for what is no complete configuration of one */
export function credentialPlugin(
  config: ExecConfig,
  context: PluginContext,
  runner: PluginRunner,
): () => Promise<IssuedCredentials> {
  const { apiVersion, command, mode } = checked(config, context);
  const env = Object.fromEntries((config.env ?? []).map(({ name, value }) => [name, value]));
  const path = command.includes('/') ? context.resolvePath(command) : command;
  return async () => {
    const interactive = mode !== 'Never' && runner.hasTerminal;
    if (mode === 'Always' && !interactive)
      throw failed(context, command, { why: 'must ask its user, and standard input is no terminal' });
    const spec = { ...(config.provideClusterInfo && { cluster: context.cluster }), interactive };
    const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
    const call = { command: path, args: config.args ?? [], interactive };
    let text: string;
    try {
      text = await runner.run({ ...call, env: { ...env, KUBERNETES_EXEC_INFO: info } });
    } catch (cause) {
      const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      const remedy = missing
        ? printable(config.installHint) || `Install ${command}, or see whether it is in $PATH.`
        : `What it printed says why; run it by itself: ${[command, ...call.args].join(' ')}`;
      throw failed(context, command, { why: missing ? 'is not there' : 'failed', cause, remedy });
    }
    return credentialsOf(text, apiVersion, (why) => failed(context, command, { why }));
  };
}

/** A terminal obeys some of what a kubeconfig may have. */
const printable = (text = ''): string => text.replaceAll(/\p{Cc}+/gu, ' ').trim();

function checked(config: ExecConfig, { user, source }: PluginContext) {
  const bad = (what: string) => new TendrilError('BAD_INPUT', `${source}: exec of user "${user}" ${what}`);
  const { apiVersion = '', command = '', interactiveMode, env } = config;
  if (command === '') throw bad('names no command');
  if (!versions.includes(apiVersion))
    throw bad(`has the apiVersion ${JSON.stringify(apiVersion)}; there are ${versions.join(' and ')}`);
  if (env?.some(({ name }) => !name)) throw bad('has a variable without a name');
  // Version 1 has no default for it.
  const mode = interactiveMode ?? (apiVersion === versions[1] ? 'IfAvailable' : '');
  if (!interactiveModes.includes(mode))
    throw bad(
      `has the interactiveMode ${JSON.stringify(mode)}; it must be one of ${interactiveModes.join(', ')}`,
    );
  return { apiVersion, command, mode };
}

function failed(
  { user, source }: PluginContext,
  command: string,
  { why, cause, remedy }: { why: string; cause?: unknown; remedy?: string },
): TendrilError {
  const message = `user "${user}" of ${source} authenticates by the program ${command}, which ${why}`;
  return new TendrilError('TOOL_FAILED', message, { cause, remedy });
}

interface ExecCredential {
  kind?: string;
  apiVersion?: string;
  status?: {
    token?: string;
    clientCertificateData?: string;
    clientKeyData?: string;
    expirationTimestamp?: string | null;
  };
}

function credentialsOf(
  text: string,
  apiVersion: string,
  bad: (why: string) => TendrilError,
): IssuedCredentials {
  let answer: ExecCredential | null;
  try {
    answer = JSON.parse(text) as ExecCredential | null;
  } catch {
    // What it printed may be a secret.
    throw bad('printed no JSON');
  }
  if (answer?.kind !== 'ExecCredential' || answer.apiVersion !== apiVersion)
    throw bad(`printed no ExecCredential of ${apiVersion}`);
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = answer.status ?? {};
  if (!token && !cert && !key) throw bad('gave neither a token nor a certificate');
  if (!cert !== !key) throw bad('gave of a certificate and its key only one');
  const expiresAt = expirationTimestamp ? Date.parse(expirationTimestamp) : undefined;
  if (Number.isNaN(expiresAt)) throw bad(`gave an expirationTimestamp that is no time`);
  return {
    ...(token && { token }),
    ...(cert && key && { cert, key }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
