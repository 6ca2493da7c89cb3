/** The network configuration on disk: which file counts, what is in it, what one plugin gets of it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CniError, cniCodes } from '../cni-error.ts';
import { validateNetworkName } from '../parameters.ts';
import { type Conflist, compareVersions, impliedVersion, isSupported, type PluginConfig } from '../spec.ts';

/**
 * The configuration that container runtimes take: of the files ending in .conflist, .conf or .json the first by
 * name.
 * @throws CniError 50 when there is none yet, 6 or 7 for one that cannot be used
 */
export async function loadConflist(directory: string): Promise<Conflist> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const name = names.filter((each) => /\.(conflist|conf|json)$/.test(each)).sort()[0];
  if (name === undefined) {
    throw new CniError(cniCodes.notAvailable, `no network configuration in ${directory}`, {
      details: 'the network plugin writes it once its datapath answers',
    });
  }
  const path = join(directory, name);
  return parseConflist(await readFile(path, 'utf8'), path);
}

/** Also reads a single plugin's configuration (.conf), which stands for a list of one. */
function parseConflist(text: string, path: string): Conflist {
  const config = parseObject(text, path);
  validateNetworkName(config.name);
  const plugins = config.plugins === undefined ? [config] : config.plugins;
  const valid = Array.isArray(plugins) && plugins.every((plugin) => isPluginType(plugin?.type));
  if (!valid || plugins.length === 0) {
    throw new CniError(cniCodes.invalidNetworkConfig, `${path} has a plugin without a usable type, or none`);
  }
  return { ...config, name: config.name, plugins } as Conflist;
}

/**
 * The highest version that the configuration offers and this side speaks (SPEC section 1, Version considerations).
 * @throws CniError 1 when there is none
 */
export function negotiateVersion(conflist: Conflist): string {
  const { cniVersion = impliedVersion, cniVersions = [] } = conflist;
  const offered = [...new Set([cniVersion, ...cniVersions])];
  const best = offered.filter(isSupported).sort(compareVersions).at(-1);
  if (best !== undefined) return best;
  const message = `network ${conflist.name} is of CNI version ${offered.join(', ')}, which is not supported`;
  throw new CniError(cniCodes.incompatibleVersion, message);
}

export interface Derivation {
  conflist: Conflist;
  version: string;
  prevResult?: unknown;
  /** What the runtime has, by capability. */
  capabilities?: Record<string, unknown>;
  /** For GC. */
  validAttachments?: { containerID: string; ifname: string }[];
}

/** What one plugin of the list gets on stdin (SPEC section 3, Deriving request configuration). */
export function deriveConfig(plugin: Conflist['plugins'][number], derivation: Derivation): PluginConfig {
  const { conflist, version, prevResult, capabilities = {}, validAttachments } = derivation;
  const { capabilities: declared = {}, ...rest } = plugin;
  const wanted = Object.entries(capabilities).filter(([name]) => declared[name] === true);
  return {
    ...rest,
    cniVersion: version,
    name: conflist.name,
    ...(wanted.length > 0 && { runtimeConfig: Object.fromEntries(wanted) }),
    ...(prevResult !== undefined && { prevResult }),
    ...(validAttachments !== undefined && { 'cni.dev/valid-attachments': validAttachments }),
  };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CniError(cniCodes.decodingFailure, `${path} is not JSON`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CniError(cniCodes.decodingFailure, `${path} holds no object`);
}

/** A type names a file in the plugin directory, and must not lead out of it. */
function isPluginType(type: unknown): boolean {
  return typeof type === 'string' && type !== '' && !type.includes('/') && type !== '.' && type !== '..';
}
