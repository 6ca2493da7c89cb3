/** `tendril down` */

import { isLabName } from '../lab/topology/lab-options.ts';
import { labNames } from '../lab/topology/lab-state.ts';
import { removeLab } from '../lab/topology/removal.ts';
import { hierarchies } from '../linux/cgroup/hierarchies.ts';
import { describeError, TendrilError } from '../util/errors.ts';
import { defineCommand } from './parser/command.ts';
import { requireRoot } from './session/root.ts';

export const down = defineCommand(
  {
    name: 'down',
    summary:
      'Takes a lab down: processes, namespaces, kernel programs, cgroups and files. Nothing of it stays.',
    usage: ['down', 'down --all'],
    options: {
      all: { type: 'boolean', help: 'every lab, also the remains of labs whose processes were killed' },
    },
    words: { min: 0, max: 0 },
    examples: ['tendril down', 'tendril down --name test', 'tendril down --all'],
  },
  async ({ name, options }) => {
    requireRoot('down');
    if (!options.all && !isLabName(name)) throw new TendrilError('USAGE', `"${name}" is no name of a lab`);
    const names = options.all ? labNames(hierarchies()) : [name];
    let failed = false;
    const tell = (text: string) => void process.stderr.write(`tendril: ${text}\n`);
    for (const lab of names) {
      try {
        const was = await removeLab(lab, tell);
        process.stdout.write(was ? `lab "${lab}" is down\n` : `no lab "${lab}" is up; nothing to do\n`);
      } catch (error) {
        failed = true;
        process.stderr.write(`tendril: ${describeError(error)}\n`);
      }
    }
    if (names.length === 0) process.stdout.write('no lab is up; nothing to do\n');
    return failed ? 1 : 0;
  },
);
