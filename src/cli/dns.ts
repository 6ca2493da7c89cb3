/** `tendril dns query`, `tendril dns records` and `tendril dns watch`; `tendril dns` alone is the server itself. */
import { recordTypes } from '../dns/message/constants.ts';
import { dataText, typeName } from '../dns/message/record-text.ts';
import { listRecords } from '../dns/plugins/kubernetes/zone-listing.ts';
import { resourcePath, resources } from '../kube/resources.ts';
import type { Pod } from '../kube/types.ts';
import { podResolvConf } from '../lab/kubelet/resolv-conf.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseZone, readClusterZone } from './dns/cluster-zone.ts';
import { type ResolverSettings, type SearchStep, searchOrder, searchSteps } from './dns/search-steps.ts';
import { watchAnswers } from './dns/watch.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { formatTable } from './output/table.ts';
import { defineCommand, type Invocation } from './parser/command.ts';
import { namespaceOption, nodeOption, outputOption, sessionOptions } from './parser/common-options.ts';
import { dnsProcess } from './processes.ts';
import { type ApiSession, openSession } from './session/session.ts';

export const dns = defineCommand(
  {
    name: 'dns',
    summary:
      "Shows what cluster DNS says: what a name gets, search step by search step, and all records of the cluster zone, both made of the API's objects as the server makes them; and what a node's kernel answers at this moment. Without a word it is the server.",
    usage: [
      'dns query NAME [--from POD] [-n NAMESPACE] [--type TYPE] [-o json]',
      'dns records [-n NAMESPACE] [-o json]',
      'dns watch [--node NODE] [--every N] [--seconds N] [-o json]',
      ...dnsProcess.spec.usage,
    ],
    options: {
      ...dnsProcess.spec.options,
      ...sessionOptions,
      kubeconfig: {
        ...sessionOptions.kubeconfig,
        help: `${sessionOptions.kubeconfig.help}; without a word: how the server reaches the API server`,
      },
      zone: {
        type: 'string',
        value: 'ZONE',
        help: "the cluster zone (default: the lab's or cluster's; cluster.local)",
      },
      from: {
        type: 'string',
        value: 'POD',
        help: 'the pod whose search path is walked (default: any of its namespace)',
      },
      type: {
        type: 'string',
        value: 'TYPE',
        help: 'A, AAAA, SRV, PTR, CNAME, TXT … (default: A, then AAAA)',
      },
      namespace: namespaceOption(
        "of the pod, or of the records (default: the context's, or default; for records: all)",
      ),
      node: nodeOption("whose kernel's answers (default: the first one)"),
      every: {
        type: 'string',
        value: 'N',
        help: 'one answer in N, by chance (default: 1); some 400 a second at the most',
      },
      seconds: { type: 'string', value: 'N', help: 'how long to watch (default: until interrupted)' },
      output: outputOption('json'),
    },
    words: { min: 0, max: 2 },
    examples: [
      'tendril dns query web --from shop-0 -n shop',
      'tendril dns records -n shop -o json',
      'tendril dns watch --node node-2 --every 100',
    ],
  },
  async (invocation) => {
    const [verb, name, ...more] = invocation.words;
    if (verb === undefined) return await dnsProcess.run(invocation as unknown as Invocation);
    if (verb === 'query' && name !== undefined && more.length === 0) return await query(invocation, name);
    if (verb === 'records' && name === undefined) return await records(invocation);
    if (verb === 'watch' && name === undefined)
      return await watchAnswers(invocation.name, invocation.options);
    throw new TendrilError(
      'USAGE',
      `dns ${invocation.words.join(' ')} is nothing; try dns query NAME, dns records or dns watch`,
    );
  },
);

interface DnsInvocation {
  name: string;
  options: {
    zone?: string | undefined;
    from?: string | undefined;
    type?: string | undefined;
    namespace?: string | undefined;
    output?: string | undefined;
    kubeconfig: string | undefined;
    context: string | undefined;
  };
}

async function records({ name, options }: DnsInvocation): Promise<number> {
  const format = chooseFormat(options.output, ['json']);
  using session = await openSession({ name, ...options });
  const zone = options.zone ?? (await chooseZone(session));
  const lookup = await readClusterZone(session.api, zone);
  const rows = listRecords(lookup, zone, { namespace: options.namespace }).map(({ name, ttl, data }) => ({
    name,
    ttl,
    type: typeName(data.type),
    data: dataText(data),
  }));
  if (format === 'json') printJson(rows);
  else
    process.stdout.write(
      formatTable(
        ['NAME', 'TTL', 'TYPE', 'DATA'],
        rows.map(({ name, ttl, type, data }) => [name, String(ttl), type, data]),
      ),
    );
  return 0;
}

async function query({ name: labName, options }: DnsInvocation, name: string): Promise<number> {
  const format = chooseFormat(options.output, ['json']);
  const types = typesOf(options.type);
  using session = await openSession({ name: labName, ...options });
  const zone = options.zone ?? (await chooseZone(session));
  const settings = await resolverOf(session, {
    pod: options.from,
    namespace: options.namespace ?? session.namespace,
    zone,
  });
  const lookup = await readClusterZone(session.api, zone);
  const names = searchOrder(name, settings);
  const steps: SearchStep[] = [];
  for (const type of types) steps.push(...(await searchSteps(lookup, names, type)));
  if (format === 'json') printJson({ name, ...settings, steps });
  else process.stdout.write(stepsText(steps));
  return 0;
}

/** @throws TendrilError USAGE */
function typesOf(text: string | undefined): (keyof typeof recordTypes)[] {
  if (text === undefined) return ['A', 'AAAA'];
  const type = text.toUpperCase();
  if (!Object.hasOwn(recordTypes, type))
    throw new TendrilError('USAGE', `--type ${text} is no type of records`);
  return [type as keyof typeof recordTypes];
}

/** A pod's resolver settings by its dnsPolicy and dnsConfig; without a pod, those of one that asks for nothing else. */
async function resolverOf(
  session: ApiSession,
  { pod: name, namespace, zone }: { pod: string | undefined; namespace: string; zone: string },
): Promise<ResolverSettings> {
  const pod =
    name === undefined
      ? ({ metadata: { name: '', namespace } } as Pod)
      : ((await session.api.send({
          method: 'GET',
          path: resourcePath(resources.pods, { namespace, name }),
        })) as Pod);
  // Servers are not looked at, and nodes' own search paths are not known; a lab's have none.
  const node = { nameservers: [], searches: [], options: [] };
  const { searches, options } = podResolvConf(pod, {
    clusterDns: ['cluster DNS'],
    clusterDomain: zone,
    node,
  });
  const ndots = options.flatMap((option) => /^ndots:(\d+)$/.exec(option)?.[1] ?? []).at(-1);
  return { searches, ndots: Math.min(15, Number(ndots ?? 1)) };
}

export function stepsText(steps: readonly SearchStep[]): string {
  const rows = steps.map(({ question, type, by, outcome, why }) => [question, type, by, outcome, why]);
  const answers = steps.flatMap((step) => step.records);
  const table = formatTable(['QUESTION', 'TYPE', 'BY', 'OUTCOME', 'WHY'], rows);
  return answers.length === 0 ? table : `${table}\n${answers.join('\n')}\n`;
}
