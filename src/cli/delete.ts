/** `tendril delete` */
import { isNotFound } from '../kube/client/api-error.ts';
import { resourcePath } from '../kube/resources.ts';
import { TendrilError } from '../util/errors.ts';
import { planApply } from './apply/applier.ts';
import { objectTitle } from './manifests/document.ts';
import { loadManifests } from './manifests/sources.ts';
import { defineCommand } from './parser/command.ts';
import { fileOption, namespaceOption, sessionOptions } from './parser/common-options.ts';
import type { Discovery } from './session/discovery.ts';
import { openSession } from './session/session.ts';
import { waitUntilGone } from './session/wait.ts';

interface Doomed {
  title: string;
  path: string;
}

export const deleteCommand = defineCommand(
  {
    name: 'delete',
    summary: 'Deletes objects by manifest or by name, and waits until they are gone.',
    usage: [
      'delete -f FILE|DIR|- … [-n NAMESPACE]',
      'delete KIND NAME… [-n NAMESPACE]',
      'delete KIND/NAME… [-n NAMESPACE]',
    ],
    options: {
      ...sessionOptions,
      file: fileOption,
      namespace: namespaceOption("where the objects are (default: the context's, or default)"),
      'ignore-not-found': { type: 'boolean', help: 'what is not there is no failure' },
      'no-wait': { type: 'boolean', help: 'do not wait until the objects are gone' },
    },
    words: { min: 0 },
    examples: [
      'tendril delete -f shop.yaml',
      'tendril delete pod web-0',
      'tendril delete deploy/cart svc/cart -n shop',
    ],
  },
  async ({ name, options, words }) => {
    if (options.file.length > 0 === words.length > 0) {
      throw new TendrilError('USAGE', 'name what to delete: either -f FILE or KIND NAME');
    }
    const manifests = loadManifests(options.file);
    using session = await openSession({ name, ...options });
    const discovery = await session.discovery();
    const namespace = options.namespace ?? session.namespace;
    const doomed =
      words.length > 0
        ? namedObjects(discovery, words, namespace)
        : planApply({ api: session.api, discovery, namespace }, manifests)
            .reverse()
            .map((item) => ({
              title: item.title,
              path: resourcePath(item.resource, {
                namespace: item.namespace,
                name: item.manifest.object.metadata.name,
              }),
            }));
    let failed = false;
    const deleted: Doomed[] = [];
    for (const item of doomed) {
      try {
        await session.api.send({
          method: 'DELETE',
          path: item.path,
          body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
        });
        process.stdout.write(`${item.title} deleted\n`);
        deleted.push(item);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        if (options['ignore-not-found']) continue;
        failed = true;
        process.stderr.write(`tendril: ${(error as Error).message}\n`);
      }
    }
    if (!options['no-wait']) for (const item of deleted) await waitUntilGone(session.api, item.path);
    return failed ? 1 : 0;
  },
);

/** `KIND NAME…` or `KIND/NAME…`. */
function namedObjects(discovery: Discovery, words: readonly string[], namespace: string): Doomed[] {
  const slashed = words.filter((word) => word.includes('/'));
  if (slashed.length > 0 && slashed.length < words.length)
    throw new TendrilError('USAGE', 'KIND NAME and KIND/NAME do not mix');
  const [first = '', ...names] = words;
  const pairs =
    slashed.length > 0
      ? words.map((word) => word.split('/', 2) as [string, string])
      : names.map((item) => [first, item] as const);
  if (pairs.length === 0) throw new TendrilError('USAGE', `which ${first}? Name at least one`);
  return pairs.map(([kind, objectName]) => {
    const resource = discovery.byName(kind)[0]!;
    const at = { namespace: resource.namespaced ? namespace : undefined, name: objectName };
    return {
      title: objectTitle(resource.kind, resource.group, objectName),
      path: resourcePath(resource, at),
    };
  });
}
