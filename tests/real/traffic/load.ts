/** The load generator in pods and on nodes of a real cluster. */
import { type ChildProcess, spawn } from 'node:child_process';
import { TrafficLoad, trafficProgram } from '../../support/traffic-load.ts';
import { kubectlCommand } from '../cluster/control-plane.ts';
import type { NodeLayout } from '../cluster/layout.ts';
import { wordsOnNode } from '../cluster/node.ts';
import { namespace } from './objects.ts';

const begin = ([command, ...words]: readonly string[]): ChildProcess =>
  spawn(command!, words, { stdio: ['pipe', 'pipe', 'inherit'] });

export function loadFromPod(pod: string, words: readonly string[]): TrafficLoad {
  const inPod = ['-n', namespace, 'exec', '-i', pod, '--', '/traffic', 'load', '--until-eof', ...words];
  return new TrafficLoad(begin(kubectlCommand(...inPod)));
}

export function loadFromNode(node: NodeLayout, words: readonly string[]): TrafficLoad {
  return new TrafficLoad(begin(wordsOnNode(node, trafficProgram, 'load', '--until-eof', ...words)));
}
