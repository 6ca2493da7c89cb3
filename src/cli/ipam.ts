/** `tendril ipam show` and `tendril ipam check` */
import { setTimeout as delay } from 'node:timers/promises';
import { auditAddresses, type Finding } from '../ipam/audit.ts';
import { TendrilError } from '../util/errors.ts';
import { addressTables, allocationViews, poolViews, silentText } from './ipam/address-report.ts';
import { type ClusterAddresses, lookAtAddresses } from './ipam/address-sources.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { defineCommand } from './parser/command.ts';
import { nodeOption, outputOption, sessionOptions } from './parser/common-options.ts';
import { openSession, type Session } from './session/session.ts';

/** Pods come and go while one looks: what is wrong is so in two looks. */
const secondLookMs = 2_000;

export const ipam = defineCommand(
  {
    name: 'ipam',
    summary:
      "Shows nodes' address pools and whose each address is; check compares what agents hold with the API's pods and nodes. Exit status 1 when something does not fit.",
    usage: ['ipam show [--node NODE] [-o json]', 'ipam check [--node NODE] [-o json]'],
    options: {
      ...sessionOptions,
      node: nodeOption('only this one (default: all)'),
      output: outputOption('json'),
    },
    words: { min: 1, max: 1 },
    examples: [
      'tendril ipam show --node node-1',
      'tendril ipam check -o json',
      'tendril ipam check --kubeconfig admin.conf',
    ],
  },
  async ({ name, options, words: [verb] }) => {
    const format = chooseFormat(options.output, ['json']);
    if (verb !== 'show' && verb !== 'check')
      throw new TendrilError('USAGE', `ipam ${verb} is nothing; try ipam show, or ipam check`);
    const { node } = options;
    using session = await openSession({ name, ...options });
    if (verb === 'show') return show(ofNode(await lookAtAddresses(session), node), format);
    return await check(session, { node, format });
  },
);

/** @throws TendrilError BAD_INPUT for a node that there is not */
function ofNode(addresses: ClusterAddresses, node: string | undefined): ClusterAddresses {
  if (node === undefined) return addresses;
  const nodes = addresses.nodes.filter(({ name }) => name === node);
  if (nodes.length > 0) return { ...addresses, nodes };
  const names = addresses.nodes.map(({ name }) => name).join(', ');
  throw new TendrilError('BAD_INPUT', `there is no node "${node}"; there are ${names}`);
}

function show(addresses: ClusterAddresses, format: 'json' | undefined): number {
  if (format === undefined) process.stdout.write(addressTables(addresses));
  else printJson({ pools: poolViews(addresses), allocations: allocationViews(addresses) });
  return 0;
}

interface CheckOptions {
  node: string | undefined;
  format: 'json' | undefined;
}

/** An agent that says nothing is a finding too. */
async function check(session: Session, { node, format }: CheckOptions): Promise<number> {
  const first = await lookAtAddresses(session);
  ofNode(first, node);
  const findings = await confirmed(auditAddresses(first.nodes, first.pods), session);
  const wanted = findings.filter((finding) => node === undefined || finding.node === node);
  const silent = ofNode(first, node).nodes.filter(({ problem }) => problem !== undefined);
  if (format === 'json')
    printJson({ findings: wanted, silent: silent.map(({ name, problem }) => ({ node: name, problem })) });
  else process.stdout.write(checkText(wanted, silent.length > 0 ? silentText(silent) : ''));
  return wanted.length > 0 || silent.length > 0 ? 1 : 0;
}

async function confirmed(findings: readonly Finding[], session: Session): Promise<Finding[]> {
  if (findings.length === 0) return [];
  await delay(secondLookMs);
  const { nodes, pods } = await lookAtAddresses(session);
  const again = new Set(auditAddresses(nodes, pods).map(textOf));
  return findings.filter((finding) => again.has(textOf(finding)));
}

function textOf({ kind, node, message }: Finding): string {
  return `${kind} ${node} ${message}`;
}

export function checkText(findings: readonly Finding[], silent: string): string {
  const lines = findings.map(({ node, message, remedy }) => `${node}: ${message}\n  ${remedy}\n`);
  const all = findings.length === 0 && silent === '' ? 'Every address is its pod’s.\n' : '';
  return [...lines, silent, all].join('');
}
