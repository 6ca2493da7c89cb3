/** `tendril conntrack list` */
import type { ConnectionView } from '../service/service-inspection.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { formatTable } from './output/table.ts';
import { defineCommand } from './parser/command.ts';
import { nodeOption, outputOption, sessionOptions } from './parser/common-options.ts';
import { openSession } from './session/session.ts';

const defaultLimit = '1000';

export const conntrack = defineCommand(
  {
    name: 'conntrack',
    summary:
      "Shows the connections that a node's kernel translates packet by packet; those translated at the socket need none.",
    usage: ['conntrack list [--node NODE] [--limit N] [-o json]'],
    options: {
      ...sessionOptions,
      node: nodeOption('whose datapath (default: the first one)'),
      limit: { type: 'string', value: 'N', help: `at most so many (default: ${defaultLimit})` },
      output: outputOption('json'),
    },
    words: { min: 1, max: 1 },
    examples: ['tendril conntrack list', 'tendril conntrack list --node node-2 -o json'],
  },
  async ({ name, options, words }) => {
    const { limit = defaultLimit } = options;
    if (words[0] !== 'list')
      throw new TendrilError('USAGE', `conntrack ${words[0]} is nothing; try conntrack list`);
    if (!/^[1-9]\d*$/.test(limit))
      throw new TendrilError('USAGE', `--limit ${limit} is not a number above 0`);
    const format = chooseFormat(options.output, ['json']);
    const path = `/conntrack?limit=${limit}`;
    using session = await openSession({ name, ...options });
    const { node, answer } = await session.agents.ask<ConnectionView[]>(options.node, path);
    if (format === 'json') printJson({ node, connections: answer });
    else process.stdout.write(connectionTable(answer));
    return 0;
  },
);

export function connectionTable(connections: readonly ConnectionView[]): string {
  const header = [
    'PROTOCOL',
    'CLIENT',
    'FRONTEND',
    'BACKEND',
    'SEEN-AS',
    'STATE',
    'PACKETS',
    'BYTES',
    'IDLE',
  ];
  const rows = connections.map((view) => [
    view.protocol,
    view.client,
    view.frontend,
    view.backend,
    view.seenAs ?? '-',
    view.state,
    String(view.packets),
    String(view.bytes),
    `${Math.round(view.idleSeconds)}s`,
  ]);
  return formatTable(header, rows);
}
