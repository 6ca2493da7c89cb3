/**
 * A pod's service account tokens, asked of the API (TokenRequest) for each audience and lifetime, bound to the pod;
 * asked anew after four fifths of their lifetime or a day, as kubelets do (pkg/kubelet/token).
 */
import type { KubeClient } from '../../../kube/client/client.ts';
import type { Pod } from '../../../kube/types.ts';
import type { Clock } from '../../../util/clock.ts';

interface Held {
  token: string;
  /** By the clock of the day. */
  staleAt: number;
  expiresAt: number;
}

export interface TokenSourceOptions {
  client: Pick<KubeClient, 'request'>;
  clock: Clock;
  /** A token that was given out should be asked for again. */
  onStale: () => void;
}

const longestUseMs = 24 * 3600 * 1000;

export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #held = new Map<string, Held>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /** Throws ApiError where the API gives none and none is held that is still good. */
  async token(pod: Pod, audience = '', seconds = 3600): Promise<string> {
    const key = `${audience} ${seconds}`;
    const held = this.#held.get(key);
    const now = this.#options.clock.now();
    if (held !== undefined && now < held.staleAt) return held.token;
    try {
      const fresh = await this.#request(pod, audience, seconds);
      this.#held.set(key, fresh);
      this.#wake();
      return fresh.token;
    } catch (error) {
      if (held !== undefined && now < held.expiresAt) return held.token;
      throw error;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #request({ metadata, spec }: Pod, audience: string, seconds: number): Promise<Held> {
    const { namespace = 'default', name, uid } = metadata;
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${spec?.serviceAccountName ?? 'default'}/token`;
    const answer = await this.#options.client.request('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    });
    const { token, expirationTimestamp } = (
      answer as { status: { token: string; expirationTimestamp: string } }
    ).status;
    const expiresAt = Date.parse(expirationTimestamp);
    const now = this.#options.clock.now();
    return { token, expiresAt, staleAt: now + Math.min(longestUseMs, (expiresAt - now) * 0.8) };
  }

  /** At the first time that one of them is stale. */
  #wake(): void {
    this.#cancel?.();
    if (this.#stopped) return;
    const first = Math.min(...[...this.#held.values()].map(({ staleAt }) => staleAt));
    this.#cancel = this.#options.clock.after(
      Math.max(0, first - this.#options.clock.now()),
      this.#options.onStale,
    );
  }
}
