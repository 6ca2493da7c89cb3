/** `tendril uninstall` */
import packageJson from '../../package.json' with { type: 'json' };
import { imageName } from '../deploy/image-name.ts';
import { readInstallation } from '../install/record.ts';
import { uninstall as uninstallFrom } from '../install/uninstall.ts';
import { deployValues, mergeValues, parseSetting, valuesOfNodes } from '../install/values.ts';
import { isForbidden } from '../kube/client/api-error.ts';
import { TendrilError } from '../util/errors.ts';
import { parseTimeout } from './install.ts';
import { createProgress } from './output/progress.ts';
import { defineCommand } from './parser/command.ts';
import { clusterOptions } from './parser/common-options.ts';
import { openCluster } from './session/cluster-session.ts';

export const uninstall = defineCommand(
  {
    name: 'uninstall',
    summary:
      'Takes Tendril off a cluster: what it replaced comes back, its pods are made anew by the network that was there, and every node is as it was.',
    usage: ['uninstall [--set KEY=VALUE …] [--force]', 'uninstall --node [--force]'],
    options: {
      ...clusterOptions,
      set: {
        type: 'string',
        multiple: true,
        value: 'KEY=VALUE',
        help: 'image and cgroup, where neither an agent nor the record of the installation tells them',
      },
      node: {
        type: 'boolean',
        help: 'only this machine, as root: removes what an agent that is gone left on it',
      },
      force: {
        type: 'boolean',
        help: 'also where pods are left that nobody unwires: they lose their network',
      },
      timeout: {
        type: 'string',
        value: 'SECONDS',
        help: 'for pods to end, and for each node (default: 300)',
      },
    },
    words: { min: 0, max: 0 },
    examples: ['tendril uninstall', 'tendril uninstall --node', 'tendril uninstall --kubeconfig admin.conf'],
  },
  async ({ options }) => {
    if (options.node) return await cleanThisNode(options.force);
    const set = mergeValues(options.set.map(parseSetting));
    const timeoutMs = parseTimeout(options.timeout);
    using cluster = await openCluster(options);
    // Who may not read it is told with all other rights that are missing.
    const before = await readInstallation(cluster.client).catch((error): undefined => {
      if (!isForbidden(error)) throw error;
    });
    const { version = packageJson.version, values: recorded = {} } = before ?? {};
    const values = deployValues({ ...valuesOfNodes(recorded), ...set }, imageName(version));
    const progress = createProgress();
    try {
      const was = await uninstallFrom(cluster.client, {
        ...{ values, force: options.force, timeoutMs, teller: progress, signal: cluster.signal },
      });
      progress.end();
      process.stdout.write(was ? 'Tendril is off the cluster.\n' : 'Tendril was not on the cluster.\n');
      return 0;
    } finally {
      progress.end();
    }
  },
);

async function cleanThisNode(force: boolean): Promise<number> {
  if (process.getuid?.() !== 0)
    throw new TendrilError('NOT_ROOT', 'a node is cleaned by root', { remedy: 'Use sudo.' });
  const { removeTendril } = await import('../node-tasks/remove-tendril.ts');
  const { removed, kept } = await removeTendril({ force }, { host: '/' });
  const lines = Object.entries(removed).map(([what, names]) => `${what}: ${names.join(', ')}`);
  for (const line of [...lines, ...kept]) process.stdout.write(`${line}\n`);
  if (lines.length === 0) process.stdout.write('There was nothing of Tendril on this node.\n');
  return 0;
}
