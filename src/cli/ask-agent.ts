/** `tendril ask-agent`: run in the agent's pod by commands elsewhere, for an agent tells its own node alone what it knows. */
import { askAgent } from '../node-tasks/agent-status.ts';
import { TendrilError } from '../util/errors.ts';
import { defineCommand } from './parser/command.ts';

export const askAgentCommand = defineCommand(
  {
    name: 'ask-agent',
    summary: "Asks this node's agent and prints its answer as a line of JSON.",
    usage: ['ask-agent PATH [--port PORT] [--repeat]'],
    options: {
      port: { type: 'string', value: 'PORT', help: "the agent's statusPort (default: that of the manifest)" },
      repeat: { type: 'boolean', help: 'again and again, until its input ends' },
    },
    words: { min: 1, max: 1 },
    examples: ['tendril ask-agent /status', 'tendril ask-agent /dns-answers?every=10 --repeat'],
  },
  async ({ words: [path], options }) => {
    if (!path!.startsWith('/')) throw new TendrilError('USAGE', `${path} is no path`);
    const port = options.port === undefined ? undefined : Number(options.port);
    const ended = new AbortController();
    const end = () => ended.abort();
    // Who asked has gone with its connection, whatever the node makes of that.
    if (options.repeat) process.stdin.on('end', end).on('error', end).resume();
    do {
      const answer = await askAgent(port, path);
      if (!process.stdout.write(`${JSON.stringify(answer)}\n`) && options.repeat) await drained(ended.signal);
    } while (options.repeat && !ended.signal.aborted);
    process.stdin.destroy();
    return 0;
  },
);

function drained(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    process.stdout.once('drain', resolve);
    signal.addEventListener('abort', () => resolve());
  });
}
