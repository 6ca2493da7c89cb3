/** `tendril apply` */

import { TendrilError } from '../util/errors.ts';
import { applyManifests } from './apply/applier.ts';
import { loadManifests } from './manifests/sources.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { defineCommand } from './parser/command.ts';
import { fileOption, namespaceOption, outputOption, sessionOptions } from './parser/common-options.ts';
import { openSession } from './session/session.ts';

export const apply = defineCommand(
  {
    name: 'apply',
    summary:
      'Creates or changes objects as manifests say, like kubectl apply. One bad document: nothing is changed.',
    usage: ['apply -f FILE|DIR|- … [-n NAMESPACE]'],
    options: {
      ...sessionOptions,
      file: fileOption,
      namespace: namespaceOption("for objects that name none (default: the context's, or default)"),
      output: outputOption('json: the objects as the API server has them'),
    },
    words: { min: 0, max: 0 },
    examples: [
      'tendril apply -f shop.yaml',
      'tendril apply -f manifests/ -f extra.json',
      'kustomize build | tendril apply -f -',
    ],
  },
  async ({ name, options }) => {
    const format = chooseFormat(options.output, ['json']);
    if (options.file.length === 0)
      throw new TendrilError('USAGE', 'nothing to apply; name manifests with -f');
    const manifests = loadManifests(options.file);
    using session = await openSession({ name, ...options });
    const target = {
      api: session.api,
      discovery: await session.discovery(),
      namespace: options.namespace ?? session.namespace,
    };
    const applied = await applyManifests(target, manifests, {
      onApplied: ({ title, outcome }) => format ?? process.stdout.write(`${title} ${outcome}\n`),
    });
    if (format) printJson({ apiVersion: 'v1', kind: 'List', items: applied.map(({ object }) => object) });
    return 0;
  },
);
