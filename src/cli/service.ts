/** `tendril service list` */
import type { BackendView, ServiceView } from '../service/service-inspection.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { formatTable } from './output/table.ts';
import { defineCommand } from './parser/command.ts';
import { namespaceOption, nodeOption, outputOption, sessionOptions } from './parser/common-options.ts';
import { openSession } from './session/session.ts';

export const service = defineCommand(
  {
    name: 'service',
    summary: "Shows the Services that a node's kernel serves: frontends, backends, state and counters.",
    usage: ['service list [--node NODE] [-n NAMESPACE] [-o wide|json]'],
    options: {
      ...sessionOptions,
      node: nodeOption('whose datapath (default: the first one)'),
      namespace: namespaceOption('only Services of this namespace'),
      output: outputOption('wide or json'),
    },
    words: { min: 1, max: 1 },
    examples: ['tendril service list', 'tendril service list --node node-2 -o wide'],
  },
  async ({ name, options, words }) => {
    if (words[0] !== 'list')
      throw new TendrilError('USAGE', `service ${words[0]} is nothing; try service list`);
    const format = chooseFormat(options.output, ['wide', 'json']);
    using session = await openSession({ name, ...options });
    const { node, answer } = await session.agents.ask<ServiceView[]>(options.node, '/services');
    const { namespace } = options;
    const services = answer.filter(
      (view) => namespace === undefined || view.service?.startsWith(`${namespace}/`),
    );
    if (format === 'json') printJson({ node, services });
    else process.stdout.write(serviceTable(services, format === 'wide'));
    return 0;
  },
);

export function serviceTable(services: readonly ServiceView[], wide: boolean): string {
  const header = ['SERVICE', 'TYPE', 'FRONTEND', 'STATE', 'BACKENDS', 'CONNECTIONS', 'PACKETS', 'BYTES'];
  const rows = services.map((view) => [
    view.service ?? '-',
    view.kind,
    view.frontend,
    view.externalState === view.state ? view.state : `${view.state}, ${view.externalState} outside`,
    wide ? view.backends.map(backendText).join(',') || '-' : String(view.backends.length),
    ...[view.connections, view.packets, view.bytes].map(String),
  ]);
  return formatTable(header, rows);
}

function backendText({ address, local, terminating }: BackendView): string {
  return `${address}${local ? ' (local)' : ''}${terminating ? ' (terminating)' : ''}`;
}
