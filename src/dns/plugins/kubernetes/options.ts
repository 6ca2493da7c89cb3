/** Reads the options of `kubernetes` in a Corefile. */
import { parseLabelSelector } from '../../../kube/selectors.ts';
import type { Directive } from '../../corefile/directive.ts';
import {
  corefileError,
  countArguments,
  durationMs,
  onlyArgument,
  onlyDirective,
  unknownOption,
  wholeNumber,
  zonesOf,
  zonesOfText,
} from '../../corefile/options.ts';
import { isBelow } from '../../message/name.ts';
import type { PluginContext } from '../../plugin.ts';

export type PodMode = 'disabled' | 'insecure' | 'verified';

export interface KubernetesOptions {
  /** Canonical; the first that is no reverse zone is where PTR records point. */
  zones: readonly string[];
  multiclusterZones: readonly string[];
  pods: PodMode;
  endpointPodNames: boolean;
  zonal: boolean;
  /** Seconds. */
  ttl: number;
  /** Names below these that do not exist are left to the plugins behind. */
  fallthrough: readonly string[];
  /** Only these are shown; none: all. */
  namespaces: ReadonlySet<string>;
  /** Selectors as text, of Services, EndpointSlices and pods, and of namespaces. */
  labels?: string;
  namespaceLabels?: string;
  /** EndpointSlices are read. */
  endpoints: boolean;
  /** Services without ready endpoints do not exist. */
  ignoreEmpty: boolean;
  /** How long to wait at the start for the first full lists. */
  startupTimeoutMs: number;
  /** An API server of its own. */
  api?: ApiOptions;
}

export interface ApiOptions {
  kubeconfig?: { path: string; context?: string };
  server?: string;
  tls?: { cert: string; key: string; ca: string };
}

export const kubernetesDefaults: Omit<KubernetesOptions, 'zones'> = {
  multiclusterZones: [],
  pods: 'disabled',
  endpointPodNames: false,
  zonal: false,
  ttl: 5,
  fallthrough: [],
  namespaces: new Set(),
  endpoints: true,
  ignoreEmpty: false,
  startupTimeoutMs: 5000,
};

const most = Number.POSITIVE_INFINITY;

export const isReverseZone = (zone: string): boolean =>
  isBelow(zone, 'in-addr.arpa') || isBelow(zone, 'ip6.arpa');

/** @throws TendrilError COREFILE */
export function kubernetesOptions(
  directives: readonly Directive[],
  context: Pick<PluginContext, 'zones'>,
): KubernetesOptions {
  const directive = onlyDirective(directives);
  const options: KubernetesOptions = {
    ...kubernetesDefaults,
    zones: zonesOf(directive.args, context, directive.at),
  };
  if (options.zones.every(isReverseZone))
    throw corefileError(
      directive.at,
      'kubernetes has no zone but reverse ones',
      'Name the cluster zone too, such as cluster.local.',
    );
  for (const line of directive.block ?? []) {
    const read = Object.hasOwn(readers, line.name) ? readers[line.name] : undefined;
    if (read === undefined) throw unknownOption(line, 'kubernetes');
    read(options, line);
  }
  refuseContradictions(options, directive);
  return options;
}

function refuseContradictions(options: KubernetesOptions, { at }: Directive): void {
  if (options.namespaces.size > 0 && options.namespaceLabels !== undefined)
    throw corefileError(at, 'namespaces and namespace_labels exclude each other', 'Keep one of the two.');
  const foreign = options.multiclusterZones.find((zone) => !options.zones.includes(zone));
  if (foreign !== undefined)
    throw corefileError(
      at,
      `kubernetes does not serve the multicluster zone ${foreign}`,
      `Name it among the zones: kubernetes ${[...options.zones, foreign].join(' ')}.`,
    );
  if (options.zonal && !options.endpoints)
    throw corefileError(
      at,
      'zonal needs the endpoints that noendpoints does without',
      'Remove one of the two.',
    );
}

type Reader = (options: KubernetesOptions, line: Directive) => void;

const readers: Record<string, Reader> = {
  endpoint_pod_names: flag((options) => {
    options.endpointPodNames = true;
  }),
  noendpoints: flag((options) => {
    options.endpoints = false;
  }),
  zonal: flag((options) => {
    options.zonal = true;
  }),
  pods: (options, line) => {
    const mode = onlyArgument(line);
    if (mode !== 'disabled' && mode !== 'insecure' && mode !== 'verified')
      throw corefileError(line.at, `pods knows no mode "${mode}"`, 'Write disabled, insecure or verified.');
    options.pods = mode;
  },
  ttl: (options, line) => {
    countArguments(line, 1, most);
    options.ttl = wholeNumber(line.args[0]!, { min: 0, max: 3600 }, line.at);
  },
  fallthrough: (options, line) => {
    options.fallthrough =
      line.args.length === 0 ? [''] : line.args.flatMap((arg) => zonesOfText(arg, line.at));
  },
  namespaces: (options, line) => {
    countArguments(line, 1, most);
    options.namespaces = new Set([...options.namespaces, ...line.args]);
  },
  labels: (options, line) => {
    options.labels = selectorOf(line);
  },
  namespace_labels: (options, line) => {
    options.namespaceLabels = selectorOf(line);
  },
  ignore: (options, line) => {
    countArguments(line, 0, most);
    const [what] = line.args;
    if (what !== undefined && what !== 'empty_service')
      throw corefileError(line.at, `ignore knows no "${what}"`, 'Write: ignore empty_service.');
    options.ignoreEmpty ||= what !== undefined;
  },
  multicluster: (options, line) => {
    options.multiclusterZones = line.args.flatMap((arg) => zonesOfText(arg, line.at));
  },
  startup_timeout: (options, line) => {
    countArguments(line, 1, most);
    options.startupTimeoutMs = durationMs(line.args[0]!, line.at);
  },
  endpoint: (options, line) => {
    countArguments(line, 1, most);
    options.api = { ...options.api, server: line.args[0]! };
  },
  tls: (options, line) => {
    countArguments(line, 3);
    const [cert, key, ca] = line.args as [string, string, string];
    options.api = { ...options.api, tls: { cert, key, ca } };
  },
  kubeconfig: (options, line) => {
    countArguments(line, 1, 2);
    const [path, context] = line.args as [string, string | undefined];
    options.api = { ...options.api, kubeconfig: { path, context } };
  },
  // A list and a watch of each of a few collections: there is nothing to hold back.
  apiserver_qps: (_, line) => nonNegative(line, /^\d+(\.\d+)?$/),
  apiserver_burst: (_, line) => nonNegative(line, /^\d+$/),
  apiserver_max_inflight: (_, line) => nonNegative(line, /^\d+$/),
};

function flag(set: (options: KubernetesOptions) => void): Reader {
  return (options, line) => {
    countArguments(line, 0);
    set(options);
  };
}

function selectorOf(line: Directive): string {
  countArguments(line, 1, most);
  const text = line.args.join(' ');
  try {
    parseLabelSelector(text);
  } catch (cause) {
    throw corefileError(line.at, `"${text}" is no label selector`, String(cause));
  }
  return text;
}

function nonNegative(line: Directive, pattern: RegExp): void {
  const text = onlyArgument(line);
  if (!pattern.test(text))
    throw corefileError(line.at, `${line.name} must be a number of 0 or more, here is "${text}"`);
}
