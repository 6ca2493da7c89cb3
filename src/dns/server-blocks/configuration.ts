/** One Corefile's server blocks, set up: what serves each listener, and how its plugins start and end. */
import type { Clock } from '../../util/clock.ts';
import type { ServerBlock } from '../corefile/directive.ts';
import type { NamedInstance, Query, Served, ServerSettings } from '../plugin.ts';
import { type SharedContext, setUpBlock } from './block.ts';
import { type ListenerPlan, planListeners } from './listeners.ts';
import { createRouter } from './router.ts';

export interface Configuration {
  readonly listeners: readonly ListenerPlan[];
  readonly instances: readonly NamedInstance[];
  /** The last block's that says how often to look for a new Corefile. */
  readonly reload: ServerSettings['reload'];
  /** How long the process serves on when it is to end, ms. */
  readonly lingerMs: number;
  /** What serves a listener, by its label. */
  serverOf(label: string): ((query: Query) => Served) | undefined;
  /** Starts every plugin, in order. @throws what the first that fails throws: those before it are closed again */
  start(): Promise<void>;
  /** Ends every plugin, when the queries that have come are answered. What fails is logged. */
  close(): Promise<void>;
}

/** The longest that plugins are kept for queries that have come already (CoreDNS waits as long). */
const graceMs = 5000;

/** What a configuration is made with: what its blocks share, less what only it can tell. */
export type ConfigurationContext = Omit<SharedContext, 'instances' | 'route'>;

/** @throws TendrilError COREFILE naming file and line; then nothing has been started */
export function configure(blocks: readonly ServerBlock[], context: ConfigurationContext): Configuration {
  const instances: NamedInstance[] = [];
  const servers = new Map<string, (query: Query) => Served>();
  const serverOf = (label: string) => servers.get(label);
  const shared: SharedContext = {
    ...context,
    instances: () => instances,
    route: (query) => {
      const serve = query.listener === undefined ? undefined : serverOf(query.listener);
      return serve && { served: serve(query) };
    },
  };
  const running = blocks.map((block) => setUpBlock(block, shared));
  instances.push(...running.flatMap((block) => block.instances));
  const listeners = planListeners(running);
  const underWay = new UnderWay();
  for (const { label, routes } of listeners) servers.set(label, underWay.counting(createRouter(routes)));

  async function closeThese(these: readonly NamedInstance[]): Promise<void> {
    for (const { name, instance } of these) {
      try {
        await instance.close?.();
      } catch (error) {
        context.logger.warn('a plugin does not end well', { plugin: name, error });
      }
    }
  }

  return {
    listeners,
    instances,
    reload: running.map(({ settings }) => settings.reload).findLast((reload) => reload !== undefined),
    lingerMs: Math.max(0, ...instances.map(({ instance }) => instance.lingerMs ?? 0)),
    serverOf,
    start: async () => {
      for (const [i, { instance }] of instances.entries()) {
        try {
          await instance.start?.();
        } catch (error) {
          await closeThese(instances.slice(0, i));
          throw error;
        }
      }
    },
    close: async () => {
      await underWay.settled(context.clock);
      await closeThese(instances);
    },
  };
}

/** Queries that are waited for. */
class UnderWay {
  #count = 0;
  #told = () => {};

  /** The same server; its answers that come later are counted until they do. */
  counting(serve: (query: Query) => Served): (query: Query) => Served {
    const done = () => {
      this.#count--;
      if (this.#count === 0) this.#told();
    };
    return (query) => {
      const served = serve(query);
      if (!(served instanceof Promise)) return served;
      this.#count++;
      return served.finally(done);
    };
  }

  /** Resolves when nothing is waited for, or has been for long enough. */
  settled(clock: Clock): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.after(graceMs, resolve);
      this.#told = () => {
        cancel();
        resolve();
      };
    });
  }
}
