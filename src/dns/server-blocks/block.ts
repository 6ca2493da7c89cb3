/** Makes a server block's plugins from its directives and joins them to a chain, in CoreDNS's order. */
import { resolve } from 'node:path';
import type { Informers } from '../../kube/client/informers.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import type { MetricRegistry } from '../../util/metrics.ts';
import { nearest } from '../../util/suggestion.ts';
import { afterward, serveChain } from '../chain.ts';
import type { Directive, ServerBlock, ServerKey } from '../corefile/directive.ts';
import { corefileError } from '../corefile/options.ts';
import { recordTypes, responseCodes } from '../message/constants.ts';
import { replyTo } from '../message/message.ts';
import type {
  DnsPlugin,
  HttpEndpoints,
  NamedInstance,
  PluginContext,
  PluginSetup,
  Query,
  Served,
  ServerSettings,
} from '../plugin.ts';

/** A plugin that Corefiles may name; without `setup` it is one that Tendril lacks. */
export interface KnownPlugin {
  readonly name: string;
  readonly setup?: PluginSetup;
}

/** What all blocks of a configuration share. */
export interface SharedContext {
  /** In the order that queries pass them. */
  plugins: readonly KnownPlugin[];
  clock: Clock;
  logger: Logger;
  metrics: MetricRegistry;
  informers(): Informers;
  http: HttpEndpoints;
  /** Where relative file names start from. */
  directory: string;
  instances(): readonly NamedInstance[];
  stopping(): boolean;
  fatal(error: Error): void;
  /** Serves a query as one that came by the listener it names; undefined where there is none of that name. */
  route(query: Query): { served: Served } | undefined;
}

export interface RunningBlock {
  readonly keys: readonly ServerKey[];
  readonly at: ServerBlock['at'];
  readonly instances: readonly NamedInstance[];
  readonly settings: ServerSettings;
  /** Whether the query is one that the block is for, by its view. */
  accepts(query: Query): boolean;
  /** Runs the block's chain. */
  serve(query: Query): Served;
}

/** @throws TendrilError COREFILE for an unknown plugin, and whatever a plugin's set-up finds wrong */
export function setUpBlock(block: ServerBlock, shared: SharedContext): RunningBlock {
  const byName = directivesByName(block.directives, shared.plugins);
  const instances: NamedInstance[] = [];
  const handlers: DnsPlugin[] = [];
  let settings: ServerSettings = {};
  const context: PluginContext = {
    keys: block.keys,
    zones: [...new Set(block.keys.map(({ zone }) => zone))],
    clock: shared.clock,
    logger: shared.logger,
    metrics: shared.metrics,
    informers: shared.informers,
    http: shared.http,
    directory: shared.directory,
    instances: shared.instances,
    stopping: shared.stopping,
    fatal: shared.fatal,
    resolve: (query, question) => resolveFor(query, question, { handlers, route: shared.route }),
    view: () => settings.view?.name ?? '',
    sibling: (name) => instances.find((one) => one.name === name)?.instance,
  };
  for (const { name, setup } of shared.plugins) {
    const directives = byName.get(name);
    if (directives === undefined) continue;
    const directory = settings.directory ? resolve(shared.directory, settings.directory) : shared.directory;
    const instance = setup!(directives, {
      ...context,
      directory,
      logger: shared.logger.child({ plugin: name }),
    });
    instances.push({ name, instance });
    if (instance.handler !== undefined) handlers.push(instance.handler);
    settings = { ...settings, ...instance.settings };
  }
  const collectors = settings.metadata ? instances.filter(({ instance }) => instance.collect) : undefined;
  return {
    keys: block.keys,
    at: block.at,
    instances,
    settings,
    accepts: (query) => accepts(query, settings, collectors),
    serve: serverOf(instances, handlers, collectors),
  };
}

function serverOf(
  instances: readonly NamedInstance[],
  handlers: readonly DnsPlugin[],
  collectors: readonly NamedInstance[] | undefined,
): (query: Query) => Served {
  const transfers = instances.some(({ name }) => name === 'transfer');
  const recursive = instances.some(({ instance }) => instance.recursive);
  return (query) => {
    if (collectors !== undefined) collect(query, collectors);
    // Nobody else would refuse it, and some would ask others for it.
    if (query.type === recordTypes.AXFR && !transfers)
      return replyTo(query.message, { rcode: responseCodes.REFUSED });
    const served = serveChain(handlers, query);
    if (!recursive) return served;
    return afterward(served, (answer) =>
      answer === undefined || answer.recursionAvailable ? answer : { ...answer, recursionAvailable: true },
    );
  };
}

function collect(query: Query, collectors: readonly NamedInstance[]): void {
  query.metadata = new Map();
  for (const { instance } of collectors) instance.collect!(query);
}

/** A view may ask for metadata, so it is collected before. */
function accepts(
  query: Query,
  { view }: ServerSettings,
  collectors: readonly NamedInstance[] | undefined,
): boolean {
  if (view === undefined) return true;
  if (collectors !== undefined) collect(query, collectors);
  return view.matches(query);
}

/** An alias of an alias of an alias … is a loop (CoreDNS gives up there too). */
const maxDepth = 8;

function resolveFor(
  query: Query,
  question: { name: string; type: number },
  { handlers, route }: { handlers: readonly DnsPlugin[]; route: SharedContext['route'] },
): Served {
  const depth = (query.depth ?? 0) + 1;
  if (depth > maxDepth) throw new Error(`more than ${maxDepth} names lead on from ${query.name}`);
  const message = { ...query.message, questions: [{ ...question, class: 1 }] };
  const asked: Query = { ...query, ...question, depth, message, reached: undefined };
  const routed = route(asked);
  return routed === undefined ? serveChain(handlers, asked) : routed.served;
}

function directivesByName(
  directives: readonly Directive[],
  plugins: readonly KnownPlugin[],
): Map<string, Directive[]> {
  const byName = new Map<string, Directive[]>();
  for (const directive of directives) {
    const { name, at } = directive;
    const plugin = plugins.find((one) => one.name === name);
    if (plugin === undefined) throw unknownDirective(directive, plugins);
    if (plugin.setup === undefined)
      throw corefileError(
        at,
        `the plugin "${name}" is not built in`,
        `Remove its line, or serve these zones elsewhere.`,
      );
    byName.set(name, [...(byName.get(name) ?? []), directive]);
  }
  return byName;
}

function unknownDirective({ name, at }: Directive, plugins: readonly KnownPlugin[]) {
  const supported = plugins.filter(({ setup }) => setup !== undefined).map((plugin) => plugin.name);
  const near = nearest(name, supported);
  return corefileError(at, `unknown directive "${name}"`, near && `Did you mean ${near}?`);
}
