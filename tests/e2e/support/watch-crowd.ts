/** Many watchers of one API server, each by a connection of its own, and what each has got. */
import { Agent, request } from 'node:https';
import { createSecureContext } from 'node:tls';
import { crc32 } from 'node:zlib';
import type { ApiEndpoint } from '../../../src/kube/client/kubeconfig.ts';

const newline = 10;

/** What two that have got the same cannot differ in, unless by a chance of one in billions. */
export interface Got {
  events: number;
  bytes: number;
  crc: number;
}

export class Watcher {
  /** Of the path and query that it watches. */
  readonly path: string;
  readonly got: Got = { events: 0, bytes: 0, crc: 0 };
  ended: string | undefined;
  /** All text, where it is to be kept. */
  readonly text: Buffer[] | undefined;

  constructor(path: string, { keepText = false }: { keepText?: boolean } = {}) {
    this.path = path;
    this.text = keepText ? [] : undefined;
  }

  take(chunk: Buffer): void {
    const { got } = this;
    got.bytes += chunk.length;
    got.crc = crc32(chunk, got.crc);
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) got.events++;
    this.text?.push(chunk);
  }
}

interface Wait {
  wanted: (watcher: Watcher) => number;
  behind: Set<Watcher>;
  resolve: () => void;
}

export class WatchCrowd implements Disposable {
  readonly watchers: readonly Watcher[];
  readonly #endpoint: ApiEndpoint;
  readonly #agent: Agent;
  #wait: Wait | undefined;

  /** Resolves when the server has answered all. */
  static async open(endpoint: ApiEndpoint, watchers: readonly Watcher[]): Promise<WatchCrowd> {
    const crowd = new WatchCrowd(endpoint, watchers);
    try {
      await Promise.all(watchers.map((watcher) => crowd.#watch(watcher)));
    } catch (error) {
      crowd[Symbol.dispose]();
      throw error;
    }
    return crowd;
  }

  private constructor(endpoint: ApiEndpoint, watchers: readonly Watcher[]) {
    this.watchers = watchers;
    this.#endpoint = endpoint;
    const { ca, cert, key } = endpoint;
    this.#agent = new Agent({ secureContext: createSecureContext({ ca, cert, key }) });
  }

  /** Resolves when each has got as many events. @throws Error when that takes too long, or a watch has ended */
  async until(wanted: (watcher: Watcher) => number, timeoutMs = 120_000): Promise<void> {
    const behind = new Set(this.watchers.filter((watcher) => watcher.got.events < wanted(watcher)));
    if (behind.size === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wait = { wanted, behind, resolve };
    const late = () => {
      const [one] = behind;
      const missing = `${one!.path}: ${one!.got.events} of ${wanted(one!)} events, ${one!.ended ?? 'going on'}`;
      reject(new Error(`${behind.size} watchers are behind after ${timeoutMs / 1000} s: ${missing}`));
    };
    const timer = setTimeout(late, timeoutMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#wait = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #watch(watcher: Watcher): Promise<void> {
    const { hostname, port } = new URL(this.#endpoint.server);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { agent, path } = { agent: this.#agent, path: watcher.path };
    const asked = request({ host: hostname, port, path, agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path} is answered by ${answer.statusCode}`));
      answer.on('data', (chunk: Buffer) => this.#take(watcher, chunk));
      answer.on('close', () => {
        watcher.ended = 'ended';
      });
      answer.on('error', () => {});
      resolve();
    });
    asked.on('error', reject);
    asked.end();
    return promise;
  }

  #take(watcher: Watcher, chunk: Buffer): void {
    watcher.take(chunk);
    const wait = this.#wait;
    if (wait === undefined || watcher.got.events < wait.wanted(watcher)) return;
    wait.behind.delete(watcher);
    if (wait.behind.size === 0) wait.resolve();
  }
}
