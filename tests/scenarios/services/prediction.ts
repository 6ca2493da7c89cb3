/** What the model says of a client's connections: its states for every node, asked one after the other. */
import type { EndpointSlice, Service } from '../../../src/kube/types.ts';
import { parseCidr } from '../../../src/net/cidr.ts';
import { formatIp, parseIp } from '../../../src/net/ip.ts';
import { evaluate, type Outcome } from '../../../src/service/model/evaluate.ts';
import type { ServiceState } from '../../../src/service/model/service-state.ts';
import { ServiceTracker } from '../../../src/service/model/service-tracker.ts';
import { TestStore } from '../../../src/service/testing-objects.ts';
import type { ParsedAsk, SemanticCase } from './case.ts';
import {
  addressOf,
  type CaseObjects,
  type Family,
  families,
  homeOf,
  type NodeName,
  nodeNames,
  nodes,
  serviceCidrs,
  type TableProtocol,
  targetOf,
  type World,
} from './world.ts';

export type States = ReadonlyMap<NodeName, ServiceState>;

export async function statesOf(world: World, objects: readonly CaseObjects[]): Promise<States> {
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  for (const object of objects) {
    services.set(object.service);
    for (const slice of object.slices) slices.set(slice);
  }
  const states = nodeNames.map(async (name): Promise<[NodeName, ServiceState]> => {
    const { 4: v4, 6: v6 } = world.nodes[name];
    const addresses = [parseIp(v4), parseIp(v6)];
    const node = { name: world.realNodes[name], zone: nodes[name], addresses: () => addresses };
    const cidrs = families.map((family) => parseCidr(serviceCidrs[family]));
    const options = { services, slices, node, serviceCidrs: () => cidrs, onDirty: () => {} };
    const tracker = new ServiceTracker(options);
    return [name, await tracker.update(() => undefined)];
  });
  return new Map(await Promise.all(states));
}

export type Prediction = Pick<ParsedAsk, 'verdict' | 'sticky' | 'backends'>;

const unserved: Prediction = { verdict: 'unserved', sticky: false, backends: new Map() };

export interface Question {
  world: World;
  index: number;
  ask: ParsedAsk;
  family: Family;
  protocol: TableProtocol;
}

/**
 * The node where the client is answers for the frontends that it has; who is not answered there comes to the node that
 * has the address, as one of the outside.
 */
export function predict(states: States, semantic: SemanticCase, question: Question): Prediction {
  const { world, ask, family, protocol } = question;
  const target = targetOf(semantic, { ...question, ...ask });
  if (target === undefined) return unserved;
  const home = homeOf(ask.client);
  const from = parseIp(addressOf(world, ask.client)[family]);
  const connection = { protocol, to: parseIp(target.ip), port: target.port, from };
  if (home !== undefined) {
    const place = ask.client.startsWith('host-') ? 'process' : 'pod';
    const outcome = evaluate(states.get(home)!, { ...connection, place });
    if (outcome.verdict !== 'unserved') return prediction(outcome, world, ask.client, undefined);
  }
  if (target.entry === undefined || target.entry === home) return unserved;
  const outcome = evaluate(states.get(target.entry)!, { ...connection, place: 'outside' });
  return prediction(outcome, world, ask.client, target.entry);
}

/**
 * A backend on another node than the one that an outsider came to sees that one's address; with direct return the
 * client's own, unless the client is a node or that backend itself.
 */
function prediction(outcome: Outcome, world: World, client: string, entry: NodeName | undefined): Prediction {
  if (outcome.verdict !== 'answered') return { ...unserved, verdict: outcome.verdict };
  const backends = outcome.endpoints.map(({ ip, local }): [string, string | undefined] => {
    const name = Object.keys(world.pods).find((pod) => world.pods[pod]![ip.family] === formatIp(ip))!;
    const direct = outcome.port.dsr && !client.startsWith('host-') && name !== client;
    return [name, local || direct ? undefined : entry];
  });
  const sticky = outcome.port.affinitySeconds > 0 && backends.length > 1;
  return { verdict: 'answered', sticky, backends: new Map(backends) };
}
