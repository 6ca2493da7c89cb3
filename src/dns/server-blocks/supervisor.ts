/**
 * Keeps a Corefile served, and takes a changed one without losing a query: what is new is set up and started
 * beside what serves, listeners that both have are kept, and only then does the old one end. A Corefile that is
 * wrong, or cannot be started, leaves everything as it is.
 *
 *   Corefile --parse--> blocks --configure--> plugins, listeners --open--> sockets --start--> serving
 */
import { isDeepStrictEqual } from 'node:util';
import { describeError, TendrilError } from '../../util/errors.ts';
import type { ServerBlock } from '../corefile/directive.ts';
import { corefileVersion } from '../corefile/version.ts';
import type { Query, Served, TlsSettings } from '../plugin.ts';
import { type Configuration, type ConfigurationContext, configure } from './configuration.ts';
import type { ListenerPlan } from './listeners.ts';

/** A listener's sockets. */
export interface OpenListener {
  /** Takes other certificates for clients to come, where the listener is one of TLS. Does not fail for those that can be used together. */
  setTls?(tls: TlsSettings): void;
  close(): Promise<void>;
}

export interface SupervisorOptions {
  context: Omit<ConfigurationContext, 'stopping'>;
  /** Reads and parses the Corefile. @throws TendrilError COREFILE */
  load(): readonly ServerBlock[];
  /** Binds a listener's sockets, whose queries `serve` answers. @throws TendrilError LISTEN: then none is bound */
  listen(plan: ListenerPlan, serve: (query: Query) => Served): Promise<OpenListener>;
  /** Called when a configuration has been set up and before its plugins start. */
  beforeStart?(): void;
  /** Served on for at the end, where the Corefile's lame-duck time is shorter. */
  leastLingerMs?: number;
}

export interface Supervisor {
  /** Serves the Corefile. @throws TendrilError COREFILE or LISTEN: then nothing is served */
  start(): Promise<void>;
  /** Takes the Corefile if it has changed since it was taken last. True where a new one serves. Never throws. */
  reload(): Promise<boolean>;
  /** Serves on for the lame-duck time, then ends everything. */
  close(): Promise<void>;
}

interface Listening {
  open: OpenListener;
  /** What queries go to: replaced by a reload. */
  target: { serve: (query: Query) => Served };
  tls: TlsSettings | undefined;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { logger, metrics, clock } = options.context;
  const failures = metrics.counter({
    name: 'coredns_reload_failed_total',
    help: 'Counter of the number of failed reload attempts.',
  });
  metrics.gauge({
    name: 'coredns_reload_version_info',
    help: 'A metric with a constant 1 value labeled by hash and value which type of hash generated it.',
    collect: () => (version === undefined ? [] : [[{ hash: 'sha512', value: version }, 1]]),
  });
  const context: ConfigurationContext = { ...options.context, stopping: () => stopping };
  const listening = new Map<string, Listening>();
  let current: Configuration | undefined;
  let version: string | undefined;
  let stopping = false;
  let lastProblem: string | undefined;
  let cancelLook = () => {};
  let underWay: Promise<unknown> = Promise.resolve();

  /** One after the other: a reload never meets another, nor the end. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = underWay.then(work);
    underWay = done.catch(() => {});
    return done;
  }

  /** Everything that the new configuration needs is there before anything of the old one goes. */
  async function serve(blocks: readonly ServerBlock[]): Promise<void> {
    const next = configure(blocks, context);
    const added: string[] = [];
    try {
      for (const plan of next.listeners) if (await openFor(plan, next)) added.push(plan.label);
      options.beforeStart?.();
      await next.start();
    } catch (error) {
      await Promise.all(added.map(closeListener));
      throw error;
    }
    const old = current;
    current = next;
    for (const plan of next.listeners) handOver(listening.get(plan.label)!, plan, next);
    await Promise.all([...listening.keys()].filter((label) => !next.serverOf(label)).map(closeListener));
    await old?.close();
    lookAgain();
  }

  /** True where the listener is new. */
  async function openFor(plan: ListenerPlan, next: Configuration): Promise<boolean> {
    if (plan.transport !== 'dns' && plan.tls === undefined) throw noCertificate(plan);
    if (listening.has(plan.label)) return false;
    const target = { serve: next.serverOf(plan.label)! };
    const labelled = (query: Query) => {
      query.listener = plan.label;
      return target.serve(query);
    };
    listening.set(plan.label, { open: await options.listen(plan, labelled), target, tls: plan.tls });
    return true;
  }

  function handOver(listener: Listening, plan: ListenerPlan, next: Configuration): void {
    listener.target.serve = next.serverOf(plan.label)!;
    if (plan.tls === undefined || isDeepStrictEqual(plan.tls, listener.tls)) return;
    listener.open.setTls?.(plan.tls);
    listener.tls = plan.tls;
  }

  async function closeListener(label: string): Promise<void> {
    const { open } = listening.get(label)!;
    listening.delete(label);
    await open.close();
  }

  /** Told and counted once, not at every look. */
  function refused(what: string, error: unknown): void {
    const problem = describeError(error);
    if (problem === lastProblem) return;
    lastProblem = problem;
    logger.error(what, { error });
    failures.inc();
  }

  function lookAgain(): void {
    cancelLook();
    const { reload } = current ?? {};
    if (reload === undefined || stopping) return;
    cancelLook = clock.after(reload.intervalMs, () => void supervisor.reload().finally(lookAgain));
  }

  const supervisor: Supervisor = {
    start: () =>
      inTurn(async () => {
        const blocks = options.load();
        version = corefileVersion(blocks);
        await serve(blocks);
        logger.info('serving', { listeners: [...listening.keys()], corefile: version });
      }),

    reload: () =>
      inTurn(async () => {
        if (stopping) return false;
        let blocks: readonly ServerBlock[];
        try {
          blocks = options.load();
        } catch (error) {
          refused('the changed Corefile cannot be read: the one before it serves on', error);
          return false;
        }
        const found = corefileVersion(blocks);
        if (found === version) return false;
        // A wrong one is tried once, not at every look.
        version = found;
        try {
          await serve(blocks);
        } catch (error) {
          refused('the changed Corefile cannot be served: the one before it serves on', error);
          return false;
        }
        lastProblem = undefined;
        logger.info('a changed Corefile is served', { listeners: [...listening.keys()], corefile: found });
        return true;
      }),

    close: () =>
      inTurn(async () => {
        stopping = true;
        cancelLook();
        const lingerMs = Math.max(current?.lingerMs ?? 0, options.leastLingerMs ?? 0);
        if (lingerMs > 0) logger.info('serving on before the end', { lameduckMs: lingerMs });
        if (lingerMs > 0) await clock.sleep(lingerMs);
        await Promise.all([...listening.keys()].map(closeListener));
        await current?.close();
      }),
  };
  return supervisor;
}

function noCertificate({ label }: ListenerPlan): TendrilError {
  return new TendrilError('LISTEN', `${label} cannot be listened on: no certificate is named for it`, {
    remedy: 'Add the plugin tls to its server block: tls CERT KEY.',
  });
}
