/**
 * A real cluster on this machine: `node tests/real/cluster/main.ts build [PART… | --network NAME] | up
 * [--network tendril | usual | none] [--proxy-mode nftables | iptables | ipvs] | down | images MANIFEST | kubectl WORDS… | node I WORDS…`.
 */
import { spawnSync } from 'node:child_process';
import { createCluster } from './cluster.ts';
import { kubeconfigPath } from './layout.ts';
import { parseClusterOptions } from './network-kind.ts';
import { buildParts, partsOf, program } from './parts.ts';
import { pidOf } from './process.ts';
import { removeCluster } from './remove.ts';
import { importStandIns, readManifest } from './stand-ins.ts';

const began = Date.now();
const say = (text: string): void => {
  process.stdout.write(`[${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);
};

const [command, ...words] = process.argv.slice(2);

/** Those named, those of a network, or all. */
function wantedParts(words: readonly string[]): readonly string[] {
  if (words[0] === '--network') return partsOf(parseClusterOptions(words).network ?? 'tendril');
  return words.length > 0 ? words : partsOf('usual');
}

/** In the namespaces of a node; the exit status is the program's. */
function onNode(index: number, argv: readonly string[]): void {
  const holder = pidOf(`n${index}-holder`);
  if (holder === undefined) throw new Error(`there is no node ${index}: make real`);
  const { status } = spawnSync('nsenter', ['-t', String(holder), '-n', '-m', '-u', ...argv], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}

if (command === 'build') await buildParts(wantedParts(words), say);
else if (command === 'up') {
  await createCluster(say, parseClusterOptions(words));
  say('look at it: scripts/node tests/real/cluster/main.ts kubectl get pods -A; remove it: make real-down');
} else if (command === 'down') await removeCluster();
else if (command === 'images')
  for (const name of importStandIns(readManifest(words[0]!))) say(`${name} is stood in for`);
else if (command === 'kubectl') onNode(0, [program('kubectl'), '--kubeconfig', kubeconfigPath, ...words]);
else if (command === 'node') onNode(Number(words[0]), words.slice(1));
else {
  process.stderr.write(
    'usage: main.ts build [PART… | --network NAME] | up [--network NAME] [--proxy-mode NAME] | down | images MANIFEST | kubectl WORDS… | node I WORDS…\n',
  );
  process.exitCode = 2;
}
