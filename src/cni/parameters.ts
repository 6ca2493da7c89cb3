/** The environment variables of a CNI call, checked as libcni checks them: what a plugin may rely on. */
import { CniError, cniCodes } from './cni-error.ts';
import { type CniCommand, cniCommands } from './spec.ts';

export interface CniParameters {
  command: CniCommand;
  containerId: string;
  /** Absent where a namespace is gone (DEL), and for commands that are about no container. */
  netns?: string;
  ifName: string;
  /** CNI_ARGS: K8S_POD_NAME and the like. */
  args: Record<string, string>;
}

const required: Record<CniCommand, readonly string[]> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME'],
  GC: [],
  STATUS: [],
  VERSION: [],
};

/** @throws CniError 4, naming every variable that is wrong or missing */
export function parseParameters(env: Record<string, string | undefined>): CniParameters {
  const command = env.CNI_COMMAND as CniCommand;
  if (!cniCommands.includes(command)) throw invalid(`CNI_COMMAND is "${env.CNI_COMMAND ?? ''}"`);
  const missing = required[command].filter((name) => !env[name]);
  if (missing.length > 0) throw invalid(`${missing.join(', ')} missing for ${command}`);
  const containerId = env.CNI_CONTAINERID ?? '';
  const ifName = env.CNI_IFNAME ?? '';
  if (required[command].length > 0) {
    validateContainerId(containerId);
    validateIfName(ifName);
  }
  const netns = env.CNI_NETNS || undefined;
  const parameters = { command, containerId, ifName, args: parseArgs(env.CNI_ARGS ?? '') };
  return netns === undefined ? parameters : { ...parameters, netns };
}

/** @throws CniError 4 */
export function validateContainerId(id: string): void {
  if (!isName(id)) throw invalid(`CNI_CONTAINERID "${id}" is not letters, digits, "_", "." and "-"`);
}

/** @throws CniError 4 for what the kernel would not take as a device's name */
export function validateIfName(name: string): void {
  if (name.length > 15) throw invalid(`CNI_IFNAME "${name}" is longer than 15 characters`);
  if (name === '' || name === '.' || name === '..' || /[/:\s]/.test(name)) {
    throw invalid(`CNI_IFNAME "${name}" is no name of an interface`);
  }
}

/** @throws CniError 7 */
export function validateNetworkName(name: unknown): asserts name is string {
  if (typeof name === 'string' && isName(name)) return;
  throw new CniError(
    cniCodes.invalidNetworkConfig,
    name === undefined
      ? 'the network configuration has no name'
      : `"${String(name)}" is no name of a network`,
  );
}

function isName(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text);
}

function parseArgs(text: string): Record<string, string> {
  const args: Record<string, string> = {};
  for (const pair of text.split(';').filter((part) => part !== '')) {
    const at = pair.indexOf('=');
    if (at < 1) throw invalid(`CNI_ARGS has "${pair}", which is no KEY=VALUE`);
    args[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return args;
}

function invalid(message: string): CniError {
  return new CniError(cniCodes.invalidEnvironment, message);
}
