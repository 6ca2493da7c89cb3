/** `tendril install` and `tendril upgrade` */
import { readFileSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { imageName } from '../deploy/image-name.ts';
import { renderManifest } from '../deploy/manifest.ts';
import type { DeployValues } from '../deploy/values.ts';
import { install as installOn } from '../install/install.ts';
import { readInstallation } from '../install/record.ts';
import {
  deployValues,
  mergeValues,
  parseSetting,
  parseValuesFile,
  type ValueSource,
  type Values,
} from '../install/values.ts';
import { isForbidden } from '../kube/client/api-error.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat } from './output/format.ts';
import { createProgress } from './output/progress.ts';
import { defineCommand } from './parser/command.ts';
import { clusterOptions, outputOption } from './parser/common-options.ts';
import { type ClusterChoice, openCluster } from './session/cluster-session.ts';
import { clusterStatusText } from './status/cluster-status.ts';

const valueOptions = {
  ...clusterOptions,
  set: {
    type: 'string',
    multiple: true,
    value: 'KEY=VALUE',
    help: 'a value, as deploy/chart/values.yaml describes them; lists with commas',
  },
  file: {
    type: 'string',
    short: 'f',
    multiple: true,
    value: 'FILE',
    help: 'values in YAML; - for standard input',
  },
  timeout: { type: 'string', value: 'SECONDS', help: 'for all nodes to become ready (default: 300)' },
  'dry-run': { type: 'boolean', help: 'print the objects, and touch no cluster' },
  output: outputOption('yaml: the same as --dry-run'),
} as const;

export const install = defineCommand(
  {
    name: 'install',
    summary:
      'Puts Tendril on a cluster: looks first at the cluster and every node, tells all that is in the way, and changes nothing then. Again: goes on, or changes what differs.',
    usage: [
      'install [-f FILE] [--set KEY=VALUE …] [--replace-kube-proxy] [--replace-cni] [--replace-dns] [--restart-pods]',
      'install --dry-run',
    ],
    options: {
      ...valueOptions,
      'replace-kube-proxy': { type: 'boolean', help: 'take the place of kube-proxy, which is sent away' },
      'replace-cni': {
        type: 'boolean',
        help: 'take the place of the network plugin; its pods keep their addresses',
      },
      'replace-dns': { type: 'boolean', help: 'take the place of CoreDNS, with its Corefile' },
      'restart-pods': {
        type: 'boolean',
        help: 'make pods anew that run outside Tendril, where somebody does',
      },
    },
    words: { min: 0, max: 0 },
    examples: [
      'tendril install',
      'tendril install --kubeconfig admin.conf --set uplink=bond0',
      'tendril install --dry-run > tendril.yaml',
    ],
  },
  async ({ options }) => {
    const sources = await readSources(options.set, options.file);
    if (options['dry-run'] || chooseFormat(options.output, ['yaml'])) return printObjects(sources);
    return await change(options, sources, {
      kubeProxy: options['replace-kube-proxy'],
      cni: options['replace-cni'],
      dns: options['replace-dns'],
      restartPods: options['restart-pods'],
    });
  },
);

export const upgrade = defineCommand(
  {
    name: 'upgrade',
    summary:
      "Changes a cluster's Tendril to this program's version, and to other values: node by node, waiting for each. Values that were given before stay.",
    usage: ['upgrade [-f FILE] [--set KEY=VALUE …]'],
    options: valueOptions,
    words: { min: 0, max: 0 },
    examples: ['tendril upgrade', 'tendril upgrade --set image=registry.example/tendril:0.2.0'],
  },
  async ({ options }) => {
    const sources = await readSources(options.set, options.file);
    if (options['dry-run'] || chooseFormat(options.output, ['yaml'])) return printObjects(sources);
    const none = { kubeProxy: false, cni: false, dns: false, restartPods: false };
    return await change(options, sources, { ...none, mustBeThere: true });
  },
);

async function readSources(set: readonly string[], files: readonly string[]): Promise<ValueSource[]> {
  const read = files.map((file) => parseValuesFile(file, readText(file)));
  const sources = [...(await Promise.all(read)), ...set.map(parseSetting)];
  mergeValues(sources);
  return sources;
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', `${file} cannot be read`, { cause });
  }
}

const valuesOf = (given: Values): DeployValues => deployValues(given, imageName(packageJson.version));

function printObjects(sources: readonly ValueSource[]): number {
  process.stdout.write(renderManifest(valuesOf(mergeValues(sources))));
  return 0;
}

interface Change {
  kubeProxy: boolean;
  cni: boolean;
  dns: boolean;
  restartPods: boolean;
  /** An upgrade is of something. */
  mustBeThere?: true;
}

interface ChangeOptions extends ClusterChoice {
  timeout: string | undefined;
}

async function change(
  options: ChangeOptions,
  sources: readonly ValueSource[],
  wanted: Change,
): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  using cluster = await openCluster(options);
  // Who may not read it is told with all other rights that are missing.
  const before = await readInstallation(cluster.client).catch((error): undefined => {
    if (wanted.mustBeThere || !isForbidden(error)) throw error;
  });
  if (before === undefined && wanted.mustBeThere)
    throw new TendrilError('NOT_READY', 'tendril install was never run on this cluster', {
      remedy: 'Run: tendril install. It takes over what a manifest or a chart installed, too.',
    });
  const given = mergeValues([
    { origin: 'the values given before', values: before?.values ?? {} },
    ...sources,
  ]);
  const progress = createProgress();
  try {
    const status = await installOn(cluster.client, {
      ...{ given, values: valuesOf(given), version: packageJson.version, timeoutMs },
      replace: { kubeProxy: wanted.kubeProxy, cni: wanted.cni, dns: wanted.dns },
      ...{ restartPods: wanted.restartPods, teller: progress, signal: cluster.signal },
    });
    progress.end();
    process.stdout.write(clusterStatusText(status));
    return status.problems.length === 0 ? 0 : 1;
  } finally {
    progress.end();
  }
}

/** Seconds, in ms. @throws TendrilError USAGE */
export function parseTimeout(text = '300'): number {
  const seconds = Number(text.replace(/s$/, ''));
  if (Number.isFinite(seconds) && seconds >= 1 && seconds <= 86_400) return seconds * 1000;
  throw new TendrilError('USAGE', `--timeout ${text} is no number of seconds from 1 to 86400`);
}
