/** `tendril node-task`: one task of src/node-tasks/, on the node that this process is on. Run by `tendril install`. */
import { existsSync } from 'node:fs';
import { nodeTask } from '../node-tasks/catalogue.ts';
import { hostRoot } from '../node-tasks/node-task.ts';
import { encodeOutcome, failedOutcome } from '../node-tasks/outcome.ts';
import { TendrilError } from '../util/errors.ts';
import { defineCommand } from './parser/command.ts';

export const nodeTaskCommand = defineCommand(
  {
    name: 'node-task',
    summary: 'Runs one task on this node, as root, and prints its report as a line of JSON.',
    usage: ['node-task NAME [--input JSON]'],
    options: { input: { type: 'string', value: 'JSON', help: 'what the task takes (default: {})' } },
    words: { min: 1, max: 1 },
    examples: ['tendril node-task preflight'],
  },
  async ({ words, options }) => {
    try {
      const run = await nodeTask(words[0]!).load();
      // In a pod of `tendril install` the node's root is mounted there.
      const context = { host: existsSync(`${hostRoot}/proc`) ? hostRoot : '/' };
      process.stdout.write(encodeOutcome({ report: await run(parseInput(options.input), context) }));
      return 0;
    } catch (error) {
      process.stdout.write(encodeOutcome(failedOutcome(error)));
      throw error;
    }
  },
);

function parseInput(text = '{}'): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TendrilError('USAGE', 'the input of a node task is JSON', { cause });
  }
}
