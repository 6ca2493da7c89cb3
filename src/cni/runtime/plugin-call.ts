/** One call of a plugin's program: environment and configuration in, result or error out. */
import { join } from 'node:path';
import { CniError, type CniErrorObject, cniCodes } from '../cni-error.ts';
import type { CniCommand, PluginConfig } from '../spec.ts';
import type { Attachment, PluginExec } from './cni-runtime.ts';

export interface PluginCall {
  command: CniCommand;
  type: string;
  config: PluginConfig;
  attachment?: Pick<Attachment, 'containerId' | 'ifName'> & Partial<Attachment>;
}

export interface PluginCaller {
  exec: PluginExec;
  /** CNI_PATH: one directory. */
  binDir: string;
}

/**
 * Runs it; gives what it printed, undefined where that is nothing.
 * @throws CniError with the plugin's own code and message, led by its type
 */
export async function callPlugin(caller: PluginCaller, call: PluginCall): Promise<unknown> {
  const { code, stdout, stderr } = await caller.exec({
    path: join(caller.binDir, call.type),
    env: environment(call, caller.binDir),
    stdin: JSON.stringify(call.config),
  });
  const printed = parseOutput(stdout);
  if (code !== 0) throw pluginError(call, { code, printed, stderr });
  if (printed === 'undecodable') {
    throw new CniError(cniCodes.decodingFailure, `${call.type}: ${call.command} printed no JSON`, {
      details: stdout,
    });
  }
  return printed;
}

function environment({ command, attachment }: PluginCall, binDir: string): Record<string, string> {
  const env: Record<string, string> = { CNI_COMMAND: command, CNI_PATH: binDir };
  if (attachment === undefined) return env;
  env.CNI_CONTAINERID = attachment.containerId;
  env.CNI_IFNAME = attachment.ifName;
  env.CNI_NETNS = attachment.netns ?? '';
  env.CNI_ARGS = podArgs(attachment);
  return env;
}

/** As container runtimes name them for Kubernetes. */
function podArgs({
  podName,
  podNamespace,
  podUid,
  containerId,
}: NonNullable<PluginCall['attachment']>): string {
  const args = {
    IgnoreUnknown: '1',
    K8S_POD_NAMESPACE: podNamespace,
    K8S_POD_NAME: podName,
    K8S_POD_INFRA_CONTAINER_ID: containerId,
    K8S_POD_UID: podUid,
  };
  return Object.entries(args)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`)
    .join(';');
}

function parseOutput(stdout: string): unknown {
  if (stdout.trim() === '') return undefined;
  try {
    return JSON.parse(stdout);
  } catch {
    return 'undecodable';
  }
}

function pluginError(call: PluginCall, ended: { code: number; printed: unknown; stderr: string }): CniError {
  const { code, printed, stderr } = ended;
  if (
    typeof printed === 'object' &&
    printed !== null &&
    typeof (printed as CniErrorObject).msg === 'string'
  ) {
    const { code: cniCode, msg, details } = printed as CniErrorObject;
    return new CniError(Number(cniCode), `${call.type}: ${msg}`, details === undefined ? {} : { details });
  }
  const said = stderr.trim().split('\n').at(-1) ?? '';
  const message = `${call.type}: ${call.command} ended with status ${code}${said === '' ? '' : `: ${said}`}`;
  return new CniError(cniCodes.failed, message);
}
