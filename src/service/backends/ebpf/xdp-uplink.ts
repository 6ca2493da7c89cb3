/**
 * XDP at the uplink, where a node is told to. It only hurries packets along that tc handles too: where it cannot be
 * attached Services go on without it, and a change of the setting leaves no packet untranslated.
 */
import type { Bpf, BpfObject } from '../../../linux/bpf/bpf.ts';
import { errno, isErrno, KernelError } from '../../../linux/errno.ts';
import { remedyOf, TendrilError } from '../../../util/errors.ts';

/** In the driver, before the kernel makes an skb; or behind any driver, after that. */
export type XdpMode = 'native' | 'generic';
export type XdpSetting = 'off' | XdpMode;

export interface XdpStatus {
  mode: XdpSetting;
  problem?: string;
}

export interface XdpUplinkOptions {
  bpf: Bpf;
  ifindex: number;
  setting: XdpSetting;
  load: () => BpfObject;
  /** A mode is what its link's pin tells: the kernel does not say it of a link. */
  pin: (mode: XdpMode) => string;
}

const modes = ['native', 'generic'] as const;

export class XdpUplink {
  readonly #options: XdpUplinkOptions;
  #status: XdpStatus = { mode: 'off' };

  constructor(options: XdpUplinkOptions) {
    this.#options = options;
  }

  /** Attaches, replaces or removes the program, as the setting says. What fails is in the status. */
  ensure(): void {
    const { bpf, setting, pin } = this.#options;
    // An interface has one mode at a time.
    for (const mode of modes) if (mode !== setting) bpf.detach(pin(mode));
    this.#status = { mode: 'off' };
    if (setting === 'off') return;
    try {
      this.#attach(setting);
      this.#status = { mode: setting };
    } catch (cause) {
      bpf.detach(pin(setting));
      const error = refusal(setting, cause);
      this.#status = { mode: 'off', problem: `${error.message}; ${remedyOf(error)}` };
    }
  }

  status(): XdpStatus {
    return this.#status;
  }

  #attach(mode: XdpMode): void {
    const { ifindex, load, pin } = this.#options;
    using object = load();
    object.attach('xdp_uplink', { type: 'xdp', ifindex, mode }, pin(mode));
  }
}

function refusal(mode: XdpMode, cause: unknown): TendrilError {
  if (!(cause instanceof KernelError)) {
    if (cause instanceof TendrilError) return cause;
    throw cause;
  }
  const busy = isErrno(cause, errno.EBUSY, errno.EEXIST);
  return new TendrilError(
    'KERNEL_FEATURE',
    `XDP in ${mode} mode cannot be attached to the uplink: ${cause.message}`,
    {
      remedy: busy
        ? 'remove the XDP program that another has attached there, or set the agent’s xdp to "off"'
        : mode === 'native'
          ? 'the driver may have no XDP, or none at this MTU: set the agent’s xdp to "generic" or "off"'
          : 'set the agent’s xdp to "off"',
      cause,
    },
  );
}
