/** `tendril version` */

import packageJson from '../../package.json' with { type: 'json' };
import { chooseFormat, printJson } from './output/format.ts';
import { defineCommand } from './parser/command.ts';
import { outputOption } from './parser/common-options.ts';

export const version = defineCommand(
  {
    name: 'version',
    summary: 'Prints the version of Tendril and of the Node.js that runs it.',
    usage: ['version [-o json]'],
    options: { output: outputOption('json') },
    words: { min: 0, max: 0 },
    examples: ['tendril version', 'tendril version -o json'],
  },
  async ({ options }) => {
    const facts = { version: packageJson.version, node: process.versions.node, arch: process.arch };
    if (chooseFormat(options.output, ['json'])) printJson(facts);
    else process.stdout.write(`tendril ${facts.version} (Node.js ${facts.node}, ${facts.arch})\n`);
    return 0;
  },
);
