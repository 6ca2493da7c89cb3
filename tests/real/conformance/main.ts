/**
 * Kubernetes' own network specs on a real cluster, with Tendril as its only network or, to compare, the usual one:
 * `node tests/real/conformance/main.ts [--specs conformance|network] [--focus REGEXP] [--procs N] [--network usual]`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { existingOrNewCluster } from '../cluster/cluster.ts';
import { nodes } from '../cluster/layout.ts';
import { parseClusterOptions } from '../cluster/network-kind.ts';
import { importImage } from '../cluster/node.ts';
import { makeTestImages } from './images.ts';
import { buildTestPrograms } from './programs.ts';
import type { EndedSpec } from './progress.ts';
import { report, runSpecs } from './run.ts';
import { conformance, network, type Selection } from './selection.ts';

const { values } = parseArgs({
  options: {
    specs: { type: 'string', default: 'conformance' },
    focus: { type: 'string' },
    procs: { type: 'string', default: '6' },
    network: { type: 'string', default: 'tendril' },
  },
});

const began = performance.now();
const say = (text: string): void => {
  process.stdout.write(`[${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);
};

function selection(): Selection {
  const chosen: Selection | undefined = Object.entries({ conformance, network }).find(
    ([name]) => name === values.specs,
  )?.[1];
  if (chosen === undefined) throw new Error(`--specs is conformance or network, not ${values.specs}`);
  return values.focus === undefined ? chosen : { ...chosen, focus: values.focus };
}

async function main(): Promise<number> {
  const chosen = selection();
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster(parseClusterOptions(['--network', values.network]));
  stack.defer(() => cluster.remove());
  buildTestPrograms(say);
  const images = makeTestImages();
  for (const node of nodes()) for (const { archive, names } of images) importImage(node, archive, names);
  say('the specs’ images are on every node');
  const start = performance.now();
  const all: EndedSpec[] = [];
  const passed = await runSpecs({
    selection: chosen,
    processes: Number(values.procs),
    ended: (spec) => {
      all.push(spec);
      say(`${spec.failed ? 'FAILED' : 'passed'} ${spec.seconds.toFixed(0).padStart(4)} s  ${spec.name}`);
    },
  });
  const failed = all.filter((spec) => spec.failed);
  say(
    `${all.length - failed.length} of ${all.length} passed in ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  for (const { name } of failed) say(`failed: ${name}`);
  say(`what each did: ${join(report, 'output.txt')}; JUnit: ${join(report, 'junit.xml')}`);
  return passed ? 0 : 1;
}

process.exitCode = await main();
