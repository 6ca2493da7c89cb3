/** `tendril policy list` and `tendril policy test` */
import { isLinux } from '../install/preflight/cluster-rules.ts';
import type { KubeObject } from '../kube/meta.ts';
import { type ResourceType, resourcePath, resources } from '../kube/resources.ts';
import type { EndpointSlice, Service } from '../kube/types.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { defineCommand } from './parser/command.ts';
import { namespaceOption, outputOption, sessionOptions } from './parser/common-options.ts';
import { askNodes } from './policy/node-answers.ts';
import {
  addressParty,
  type Known,
  onlyPort,
  type Party,
  type PortChoice,
  parsePort,
  parseWord,
  podParty,
  type Receiver,
  serviceAt,
  serviceReceivers,
  slicesFor,
  type Word,
} from './policy/parties.ts';
import { type AgentPolicyStatus, policyReport, policyReportText } from './policy/policy-report.ts';
import { judgedText, judgeEach } from './policy/verdicts.ts';
import { type ApiSession, openSession, type Session } from './session/session.ts';

export const policy = defineCommand(
  {
    name: 'policy',
    summary:
      "Shows NetworkPolicies, whom they select and on how many nodes they are in force; test says whether they let a connection pass, by which rule, or which of them isolate: by the API's objects. Exit status 1 when it is denied.",
    usage: [
      'policy list [-n NAMESPACE | -A] [-o json]',
      'policy test --from POD|ADDRESS --to POD|ADDRESS|service/NAME [--port PORT[/udp|/sctp]] [-n NAMESPACE] [-o json]',
    ],
    options: {
      ...sessionOptions,
      namespace: namespaceOption(
        "of the policies, or of pods and Services (default: the context's, or default)",
      ),
      'all-namespaces': { type: 'boolean', short: 'A', help: 'list policies of every namespace' },
      from: {
        type: 'string',
        value: 'POD|ADDRESS',
        help: 'who connects; NAMESPACE/POD for another namespace',
      },
      to: {
        type: 'string',
        value: 'POD|ADDRESS|service/NAME',
        help: 'to whom; of a Service, also by an address of its own, each endpoint; service/NAMESPACE/NAME for another namespace',
      },
      port: {
        type: 'string',
        value: 'PORT',
        help: "such as 80, 53/udp or 9/sctp, of a Service the Service's (default: the only one that it, or the pod, declares)",
      },
      output: outputOption('json'),
    },
    words: { min: 1, max: 1 },
    examples: [
      'tendril policy list -A',
      'tendril policy test --from web-0 --to db-0 --port 5432 -n shop',
      'tendril policy test --from web-0 --to service/kube-system/kube-dns --port 53/udp',
      'tendril policy test --from 192.0.2.7 --to web-0 --port 8080',
    ],
  },
  async ({ name, options, words: [verb] }) => {
    const format = chooseFormat(options.output, ['json']);
    if (verb !== 'list' && verb !== 'test')
      throw new TendrilError('USAGE', `policy ${verb} is nothing; try policy list, or policy test`);
    const { from, to, port } = options;
    if (verb === 'test' && (from === undefined || to === undefined))
      throw new TendrilError('USAGE', 'policy test needs --from and --to');
    const wanted = port === undefined ? undefined : parsePort(port);
    using session = await openSession({ name, ...options });
    const namespace = options.namespace ?? session.namespace;
    if (verb === 'test')
      return await judgeAttempt(session, { from: from!, to: to!, wanted, namespace, format });
    return await list(session, options['all-namespaces'] ? undefined : namespace, format);
  },
);

async function list(
  session: Session,
  namespace: string | undefined,
  format: 'json' | undefined,
): Promise<number> {
  const at = namespace === undefined ? {} : { namespace };
  // Policies first: what agents have by then is no older.
  const policies = await readAll(session, resources.networkPolicies, at);
  const nodes = (await readAll(session, resources.nodes))
    .filter(isLinux)
    .map(({ metadata }) => metadata.name);
  const answers = await askNodes<AgentPolicyStatus>(session, nodes, '/status');
  const report = policyReport({ policies, pods: await readAll(session, resources.pods, at), answers });
  if (format === 'json') printJson(report);
  else process.stdout.write(policyReportText(report));
  return 0;
}

interface Question {
  from: string;
  to: string;
  wanted: PortChoice | undefined;
  namespace: string;
  format: 'json' | undefined;
}

async function judgeAttempt(session: ApiSession, { from, to, wanted, namespace, format }: Question) {
  const [policies, namespaces, pods, nodes] = await Promise.all([
    readAll(session, resources.networkPolicies),
    readAll(session, resources.namespaces),
    readAll(session, resources.pods),
    readAll(session, resources.nodes),
  ]);
  const known = { pods, nodes };
  const receivers = await receiversOf(session, to, { known, wanted, namespace });
  const sender = partyOf(known, from, namespace);
  const judged = judgeEach({ policies, namespaces, pods }, sender, receivers);
  if (judged.length === 0)
    throw new TendrilError('BAD_INPUT', `${from} and ${to} have no address of the same family`);
  const allowed = judged.every((one) => one.allowed);
  if (format === 'json') printJson({ allowed, attempts: judged });
  else process.stdout.write(judgedText(judged));
  return allowed ? 0 : 1;
}

function partyOf(known: Known, text: string, namespace: string): Party {
  const word = parseWord(text, namespace);
  if (word.kind === 'address') return addressParty(known, word.ip);
  if (word.kind === 'pod') return podParty(known, `${word.namespace}/${word.name}`);
  throw new TendrilError('USAGE', `${text} sends nothing: --from is a pod or an address`);
}

async function receiversOf(
  session: ApiSession,
  text: string,
  { known, wanted, namespace }: { known: Known; wanted: PortChoice | undefined; namespace: string },
): Promise<Receiver[]> {
  const word = parseWord(text, namespace);
  const service = await serviceOf(session, word);
  if (service === undefined) {
    const party = partyOf(known, text, namespace);
    return [{ party, ...(wanted ?? onlyPort(known, party)) }];
  }
  const { namespace: place, name } = service.metadata;
  const selector = `?labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${name}`)}`;
  const { items: slices } = (await session.api.send({
    method: 'GET',
    path: resourcePath(resources.endpointSlices, { namespace: place! }) + selector,
  })) as { items: EndpointSlice[] };
  const meant = word.kind === 'address' ? slicesFor(word.ip, slices) : slices;
  return serviceReceivers(service, meant, { known, wanted });
}

/** Undefined where it is none that is meant. */
async function serviceOf(session: ApiSession, word: Word): Promise<Service | undefined> {
  if (word.kind === 'address') return serviceAt(await readAll(session, resources.services), word.ip);
  if (word.kind === 'pod') return undefined;
  return (await session.api.send({ method: 'GET', path: resourcePath(resources.services, word) })) as Service;
}

async function readAll<T extends KubeObject>(
  { api }: ApiSession,
  type: ResourceType<T>,
  at: { namespace?: string } = {},
): Promise<T[]> {
  return ((await api.send({ method: 'GET', path: resourcePath(type, at) })) as { items: T[] }).items;
}
