/** `tendril logs` */
import { pipeline } from 'node:stream/promises';
import { resourcePath, resources } from '../kube/resources.ts';
import { TendrilError } from '../util/errors.ts';
import { defineCommand } from './parser/command.ts';
import { containerOption, namespaceOption, sessionOptions } from './parser/common-options.ts';
import { openSession } from './session/session.ts';
import { chooseContainer, findPod } from './session/workload.ts';
import { parseDuration } from './up/options.ts';

export const logs = defineCommand(
  {
    name: 'logs',
    summary: 'Shows what a container printed.',
    usage: [
      'logs POD|KIND/NAME [-c CONTAINER] [-n NAMESPACE] [-f] [--tail LINES] [--since TIME] [--timestamps] [--previous]',
    ],
    options: {
      ...sessionOptions,
      container: containerOption,
      namespace: namespaceOption("where the pod is (default: the context's, or default)"),
      follow: { type: 'boolean', short: 'f', help: 'go on as more is printed' },
      tail: { type: 'string', value: 'LINES', help: 'only the last lines' },
      since: {
        type: 'string',
        value: 'TIME',
        help: 'only what was printed that long ago or later: 30s, 5m, 1h',
      },
      timestamps: { type: 'boolean', help: 'each line with its time' },
      previous: { type: 'boolean', short: 'p', help: "of the container's previous run" },
    },
    words: { min: 1, max: 1 },
    examples: [
      'tendril logs deploy/visitor -f',
      'tendril logs web-0 -c server --tail 20',
      'tendril logs web-0 --previous',
      'tendril logs web-0 --since 5m --timestamps',
    ],
  },
  async ({ name, options, words }) => {
    const { tail } = options;
    if (tail !== undefined && !/^\d+$/.test(tail))
      throw new TendrilError('USAGE', `--tail takes a number of lines, not "${tail}"`);
    using session = await openSession({ name, ...options });
    const namespace = options.namespace ?? session.namespace;
    const pod = await findPod(session, words[0]!, namespace);
    const query = new URLSearchParams({ container: chooseContainer(pod, options.container) });
    if (options.follow) query.set('follow', 'true');
    if (options.timestamps) query.set('timestamps', 'true');
    if (options.since !== undefined) query.set('sinceSeconds', sinceSeconds(options.since));
    if (options.previous) query.set('previous', 'true');
    if (tail !== undefined) query.set('tailLines', tail);
    const path = resourcePath(resources.pods, { namespace, name: pod.metadata.name, subresource: 'log' });
    // A followed log begins when something is printed, and that may be never.
    const limit = options.follow ? { timeoutMs: 0 } : {};
    const stream = await session.api.open({ method: 'GET', path: `${path}?${query}`, ...limit });
    await pipeline(stream, process.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
      // A reader of our output that has gone (head, say), and a full disk, are told for all commands alike.
      if (error.syscall !== 'write') throw error;
    });
    return 0;
  },
);

/** At least one, as the API wants it. */
const sinceSeconds = (text: string) => String(Math.max(1, Math.ceil(parseDuration('--since', text) / 1000)));
