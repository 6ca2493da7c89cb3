/** `tendril ipam show` and `tendril ipam check` */
import { setTimeout as delay } from 'node:timers/promises';
import { auditAddresses, type Finding } from '../ipam/audit.ts';
import { TendrilError } from '../util/errors.ts';
import { addressTables, allocationViews, poolViews, silentText } from './ipam/address-report.ts';
import {
  type AddressSource,
  type ClusterAddresses,
  clusterAddresses,
  labAddresses,
} from './ipam/address-sources.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { defineCommand } from './parser/command.ts';
import { nodeOption, outputOption } from './parser/common-options.ts';

/** Pods come and go while one looks: what is wrong is so in two looks. */
const secondLookMs = 2_000;

export const ipam = defineCommand(
  {
    name: 'ipam',
    summary:
      "Shows nodes' address pools and whose each address is; check compares what agents hold with the API's pods and nodes. Exit status 1 when something does not fit.",
    usage: [
      'ipam show [--node NODE] [--kubeconfig FILE [--status-port PORT]] [-o json]',
      'ipam check [--node NODE] [--kubeconfig FILE [--status-port PORT]] [-o json]',
    ],
    options: {
      node: nodeOption('only this one (default: all)'),
      kubeconfig: {
        type: 'string',
        value: 'FILE',
        help: 'of another cluster than the lab; run it on a node to have what its agent holds looked at too',
      },
      'status-port': { type: 'string', value: 'PORT', help: "agents' statusPort (default: the lab's)" },
      output: outputOption('json'),
    },
    words: { min: 1, max: 1 },
    examples: ['tendril ipam show --node node-1', 'tendril ipam check -o json'],
  },
  async ({ name, options, words: [verb] }) => {
    const format = chooseFormat(options.output, ['json']);
    if (verb !== 'show' && verb !== 'check')
      throw new TendrilError('USAGE', `ipam ${verb} is nothing; try ipam show, or ipam check`);
    const { kubeconfig, node } = options;
    const port = statusPort(options['status-port']);
    using source = await (kubeconfig === undefined ? labAddresses(name) : clusterAddresses(kubeconfig, port));
    if (verb === 'show') return show(ofNode(await source.look(), node), format);
    return await check(source, { node, format, expectsAgents: kubeconfig === undefined });
  },
);

function statusPort(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d{0,4}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new TendrilError('USAGE', `--status-port ${text} is no port`);
}

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
  /** An agent that says nothing is a finding too. */
  expectsAgents: boolean;
}

async function check(source: AddressSource, { node, format, expectsAgents }: CheckOptions): Promise<number> {
  const first = await source.look();
  ofNode(first, node);
  const findings = await confirmed(auditAddresses(first.nodes, first.pods), source);
  const wanted = findings.filter((finding) => node === undefined || finding.node === node);
  const silent = ofNode(first, node).nodes.filter(({ problem }) => problem !== undefined);
  if (format === 'json')
    printJson({ findings: wanted, silent: silent.map(({ name, problem }) => ({ node: name, problem })) });
  else process.stdout.write(checkText(wanted, silent.length > 0 ? silentText(silent) : ''));
  return wanted.length > 0 || (expectsAgents && silent.length > 0) ? 1 : 0;
}

async function confirmed(findings: readonly Finding[], source: AddressSource): Promise<Finding[]> {
  if (findings.length === 0) return [];
  await delay(secondLookMs);
  const { nodes, pods } = await source.look();
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
