/** `tendril kubeconfig` */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadKubeconfig } from '../kube/client/kubeconfig.ts';
import { labsDirectory, requireLabConfig } from '../lab/topology/lab-state.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { defineCommand } from './parser/command.ts';
import { outputOption } from './parser/common-options.ts';

export const kubeconfig = defineCommand(
  {
    name: 'kubeconfig',
    summary: "Prints the path of the lab's kubeconfig, for kubectl and any other client.",
    usage: ['kubeconfig [-o json]'],
    options: { output: outputOption('json') },
    words: { min: 0, max: 0 },
    examples: [
      'export KUBECONFIG=$(tendril kubeconfig)',
      'kubectl --kubeconfig $(tendril kubeconfig --name test) get pods',
    ],
  },
  async ({ name, options }) => {
    const format = chooseFormat(options.output, ['json']);
    requireLabConfig(name);
    const path = join(labsDirectory, name, 'kubeconfig');
    if (!existsSync(path))
      throw new TendrilError(
        'LAB_UNREACHABLE',
        `lab "${name}" has no kubeconfig yet; it is still coming up`,
        {
          remedy: 'Ask again when tendril up has ended.',
        },
      );
    if (format) printJson({ path, server: (await loadKubeconfig(path)).server });
    else process.stdout.write(`${path}\n`);
    return 0;
  },
);
