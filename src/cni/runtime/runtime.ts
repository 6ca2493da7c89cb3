/** The runtime's side of CNI over plugins' programs. See the contract for what each call promises. */

import { AttachmentLocks } from '../attachment-locks.ts';
import { CniError, cniCodes } from '../cni-error.ts';
import { validateContainerId, validateIfName } from '../parameters.ts';
import { decodeResult } from '../result.ts';
import { type CniCommand, type Conflist, commandSince, compareVersions } from '../spec.ts';
import type { Attachment, CniRuntime, PluginExec } from './cni-runtime.ts';
import { type Derivation, deriveConfig, loadConflist, negotiateVersion } from './conflist.ts';
import { callPlugin } from './plugin-call.ts';
import { type CachedAttachment, ResultCache } from './result-cache.ts';

export interface CniRuntimeOptions {
  /** Directory of configurations, e.g. /etc/cni/net.d. */
  confDir: string;
  /** Directory of plugins, e.g. /opt/cni/bin. */
  binDir: string;
  /** Directory for what DEL needs to know, e.g. /var/lib/cni. */
  cacheDir: string;
  exec: PluginExec;
}

interface Network {
  conflist: Conflist;
  version: string;
}

export function createCniRuntime(options: CniRuntimeOptions): CniRuntime {
  const cache = new ResultCache(options.cacheDir);
  const locks = new AttachmentLocks();
  const run = new ChainRunner(options);

  const loadNetwork = async (): Promise<Network> => {
    const conflist = await loadConflist(options.confDir);
    return { conflist, version: negotiateVersion(conflist) };
  };

  const del = async (attachment: Attachment): Promise<void> => {
    const cached = await cache.get(attachment);
    const network = cached ?? (await loadNetwork().catch(undefinedWhenAbsent));
    // Without either nothing was ever added.
    if (network === undefined) return;
    await run.del(network, attachment, cached?.result);
    await cache.delete(attachment);
  };

  return {
    async status() {
      await run.status(await loadNetwork());
    },
    add: (attachment) =>
      serialized(locks, attachment, async () => {
        const network = await loadNetwork();
        const entry: CachedAttachment = { kind: 'tendrilCacheV1', attachment, ...network };
        await cache.put(entry);
        const result = await orUndo(
          () => run.add(network, attachment),
          () => del(attachment),
        );
        await cache.put({ ...entry, result });
        return decodeResult(result);
      }),
    del: (attachment) => serialized(locks, attachment, () => del(attachment)),
    check: (attachment) =>
      serialized(locks, attachment, async () => {
        const cached = await cache.get(attachment);
        if (cached?.result === undefined)
          throw new CniError(cniCodes.unknownContainer, `no ADD of ${attachment.containerId} is known`);
        if (!cached.conflist.disableCheck) await run.check(cached, attachment, cached.result);
      }),
    gc: (valid) => locks.alone(async () => run.gc(await loadNetwork(), valid)),
  };
}

/** Calls the plugins of a list in the order that each command asks for. */
class ChainRunner {
  readonly #options: CniRuntimeOptions;

  constructor(options: CniRuntimeOptions) {
    this.#options = options;
  }

  async add(network: Network, attachment: Attachment): Promise<unknown> {
    let result: unknown;
    for (const plugin of network.conflist.plugins) {
      result = await this.#call(
        'ADD',
        plugin,
        { ...network, ...attachmentPart(attachment, result) },
        attachment,
      );
    }
    return result;
  }

  async del(network: Network, attachment: Attachment, result: unknown): Promise<void> {
    for (const plugin of network.conflist.plugins.toReversed()) {
      await this.#call('DEL', plugin, { ...network, ...attachmentPart(attachment, result) }, attachment);
    }
  }

  async check(network: Network, attachment: Attachment, result: unknown): Promise<void> {
    if (tooOld('CHECK', network.version)) return;
    for (const plugin of network.conflist.plugins) {
      await this.#call('CHECK', plugin, { ...network, ...attachmentPart(attachment, result) }, attachment);
    }
  }

  /** Before version 1.1.0 a network is ready when its configuration is there. */
  async status(network: Network): Promise<void> {
    if (tooOld('STATUS', network.version)) return;
    for (const plugin of network.conflist.plugins) await this.#call('STATUS', plugin, network);
  }

  /** Every plugin gets its turn, whatever the others say. */
  async gc(network: Network, valid: readonly Pick<Attachment, 'containerId' | 'ifName'>[]): Promise<void> {
    if (network.conflist.disableGC || tooOld('GC', network.version)) return;
    const validAttachments = valid.map(({ containerId, ifName }) => ({
      containerID: containerId,
      ifname: ifName,
    }));
    const errors: unknown[] = [];
    for (const plugin of network.conflist.plugins) {
      await this.#call('GC', plugin, { ...network, validAttachments }).catch((error) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
  }

  #call(
    command: CniCommand,
    plugin: Conflist['plugins'][number],
    derivation: Derivation,
    attachment?: Attachment,
  ): Promise<unknown> {
    const config = deriveConfig(plugin, derivation);
    const call = { command, type: plugin.type, config, ...(attachment !== undefined && { attachment }) };
    return callPlugin(this.#options, call);
  }
}

function attachmentPart(
  attachment: Attachment,
  prevResult: unknown,
): Pick<Derivation, 'capabilities' | 'prevResult'> {
  return { capabilities: attachment.capabilities ?? {}, prevResult };
}

function undefinedWhenAbsent(error: unknown): undefined {
  if (error instanceof CniError && error.cniCode === cniCodes.notAvailable) return undefined;
  throw error;
}

function tooOld(command: CniCommand, version: string): boolean {
  return compareVersions(version, commandSince[command]!) < 0;
}

async function serialized<T>(
  locks: AttachmentLocks,
  attachment: Attachment,
  call: () => Promise<T>,
): Promise<T> {
  validateContainerId(attachment.containerId);
  validateIfName(attachment.ifName);
  return locks.withContainer(attachment.containerId, call);
}

/** A failed ADD must be followed by a DEL (SPEC section 3); what ADD said is what the caller hears. */
async function orUndo<T>(work: () => Promise<T>, undo: () => Promise<void>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await undo().catch(() => {});
    throw error;
  }
}
