/** `tendril get` */
import { isNotFound } from '../kube/client/api-error.ts';
import { resourcePath } from '../kube/resources.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { formatServerTable, type ServerTable } from './output/server-table.ts';
import { defineCommand } from './parser/command.ts';
import { namespaceOption, outputOption, sessionOptions } from './parser/common-options.ts';
import type { DiscoveredResource } from './session/discovery.ts';
import { type ApiSession, openSession } from './session/session.ts';

const formats = ['wide', 'json', 'yaml', 'name'] as const;
type Format = (typeof formats)[number];

const tableMedia = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

interface Scope {
  namespace: string | undefined;
  selector: string | undefined;
}

type KubeJson = Record<string, unknown> & { metadata: { name: string; managedFields?: unknown } };

export const get = defineCommand(
  {
    name: 'get',
    summary: 'Shows objects: a table, or the objects themselves.',
    usage: [
      'get KIND[,KIND…] [NAME…] [-n NAMESPACE | -A] [-l SELECTOR] [-o wide|json|yaml|name]',
      'get KIND/NAME…',
    ],
    options: {
      ...sessionOptions,
      namespace: namespaceOption("where to look (default: the context's, or default)"),
      'all-namespaces': { type: 'boolean', short: 'A', help: 'look in every namespace' },
      selector: { type: 'string', short: 'l', value: 'SELECTOR', help: 'labels, as in app=cart,tier!=db' },
      output: outputOption('wide, json, yaml or name'),
    },
    words: { min: 1 },
    examples: [
      'tendril get pods -A -o wide',
      'tendril get svc cart -o yaml',
      'tendril get deploy,svc -l app=cart',
    ],
  },
  async ({ name, options, words }) => {
    const format = chooseFormat(options.output, formats);
    using session = await openSession({ name, ...options });
    const namespace = options['all-namespaces'] ? undefined : (options.namespace ?? session.namespace);
    const scope = { namespace, selector: options.selector };
    const wanted = await selectObjects(session, words);
    if (options['all-namespaces'] && wanted.some(({ name }) => name !== undefined)) {
      throw new TendrilError('USAGE', 'an object cannot be fetched by name across all namespaces; use -n');
    }
    if (format === undefined || format === 'wide')
      return await printTables(session, wanted, { ...scope, wide: format === 'wide' });
    return await printObjects(session, wanted, { ...scope, format });
  },
);

interface Wanted {
  resource: DiscoveredResource;
  name?: string;
}

/** `KIND[,KIND] [NAME…]`, or `KIND/NAME…`. */
async function selectObjects(session: ApiSession, words: readonly string[]): Promise<Wanted[]> {
  const discovery = await session.discovery();
  if (words[0]!.includes('/')) {
    return words.map((word) => {
      const [kind = '', name] = word.split('/', 2);
      if (!name) throw new TendrilError('USAGE', `"${word}" is not KIND/NAME`);
      return { resource: discovery.byName(kind)[0]!, name };
    });
  }
  const [kinds = '', ...names] = words;
  const types = kinds
    .split(',')
    .flatMap((kind) => discovery.byName(kind))
    .filter(({ verbs }) => verbs.includes('list'));
  return names.length === 0
    ? types.map((resource) => ({ resource }))
    : types.flatMap((resource) => names.map((name) => ({ resource, name })));
}

function pathOf({ resource, name }: Wanted, { namespace, selector }: Scope): string {
  const path = resourcePath(resource, { namespace: resource.namespaced ? namespace : undefined, name });
  return name === undefined && selector ? `${path}?labelSelector=${encodeURIComponent(selector)}` : path;
}

async function printTables(
  session: ApiSession,
  wanted: readonly Wanted[],
  scope: Scope & { wide: boolean },
): Promise<number> {
  let failed = false;
  let printed = 0;
  const several = new Set(wanted.map(({ resource }) => resource)).size > 1;
  for (const [resource, items] of Map.groupBy(wanted, ({ resource }) => resource)) {
    const tables: ServerTable[] = [];
    for (const item of items) {
      try {
        tables.push(
          (await session.api.send({
            method: 'GET',
            path: pathOf(item, scope),
            accept: tableMedia,
          })) as ServerTable,
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
        failed = true;
        process.stderr.write(`tendril: ${(error as Error).message}\n`);
      }
    }
    const first = tables[0];
    if (first === undefined) continue;
    const table = { ...first, rows: tables.flatMap(({ rows }) => rows) };
    if (table.rows.length === 0) continue;
    const prefix = several ? `${resource.singular}${resource.group ? `.${resource.group}` : ''}/` : '';
    const withNamespace = scope.namespace === undefined && resource.namespaced;
    process.stdout.write(
      `${printed > 0 ? '\n' : ''}${formatServerTable(table, { ...scope, withNamespace, prefix })}`,
    );
    printed += table.rows.length;
  }
  if (printed === 0 && !failed) {
    process.stderr.write(
      scope.namespace === undefined
        ? 'No resources found\n'
        : `No resources found in ${scope.namespace} namespace.\n`,
    );
  }
  return failed ? 1 : 0;
}

async function printObjects(
  session: ApiSession,
  wanted: readonly Wanted[],
  scope: Scope & { format: Format },
): Promise<number> {
  const objects: KubeJson[] = [];
  let failed = false;
  for (const item of wanted) {
    try {
      const answer = (await session.api.send({ method: 'GET', path: pathOf(item, scope) })) as KubeJson & {
        items?: KubeJson[];
      };
      objects.push(...(item.name === undefined ? typedItems(item.resource, answer.items ?? []) : [answer]));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      failed = true;
      process.stderr.write(`tendril: ${(error as Error).message}\n`);
    }
  }
  const single = wanted.length === 1 && wanted[0]!.name !== undefined;
  if (!(single && failed)) await printAll(objects, single, scope.format);
  return failed ? 1 : 0;
}

function typedItems({ group, version, kind }: DiscoveredResource, items: readonly KubeJson[]): KubeJson[] {
  return items.map((item) => ({ apiVersion: group ? `${group}/${version}` : version, kind, ...item }));
}

/** As kubectl shows objects: without the managers of their fields. */
function shown({ metadata, ...rest }: KubeJson): KubeJson {
  const { managedFields: _, ...kept } = metadata;
  const { apiVersion, kind, ...others } = rest;
  return { apiVersion, kind, metadata: kept, ...others };
}

async function printAll(objects: readonly KubeJson[], single: boolean, format: Format): Promise<void> {
  if (format === 'name') {
    for (const { apiVersion, kind, metadata } of objects) {
      const group = String(apiVersion).split('/').slice(0, -1).join('');
      process.stdout.write(`${String(kind).toLowerCase()}${group ? `.${group}` : ''}/${metadata.name}\n`);
    }
    return;
  }
  const value = single
    ? shown(objects[0]!)
    : { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: objects.map(shown) };
  if (format === 'json') return printJson(value);
  const { stringify } = await import('../util/yaml.ts');
  process.stdout.write(stringify(value, { version: '1.1', lineWidth: 0 }));
}
