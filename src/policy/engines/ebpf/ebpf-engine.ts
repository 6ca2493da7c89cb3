/** Policies in the datapath's maps (bpf/lib/policy.h). What is pinned goes on without this process. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { formatIp, type Ip } from '../../../net/ip.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import type { PodConnection, PolicyEngine, PolicyEngineStatus } from '../../policy-engine.ts';
import { noSubject, type PolicyState } from '../../policy-state.ts';
import { blockEncoding, directionNumbers, peerEncoding, podEncoding, ruleEncoding } from './encode.ts';
import { collectFlows, flowKey, openFlow } from './flows.ts';
import { layouts, type PolicyConfig, policyKnowledge } from './generated/layouts.ts';
import { rulesInForce } from './lacking-blocks.ts';
import { MapTable } from './map-table.ts';

const onlyIndex = new Uint8Array(4);
/** From then on what nobody has answered goes early. */
const crowdedShare = 0.75;
const knowledgeNames = {
  [policyKnowledge.POLICY_NONE]: 'none',
  [policyKnowledge.POLICY_SOME]: 'some',
} as const;

export class EbpfPolicyEngine implements PolicyEngine {
  readonly #map: (name: string) => BpfMap;
  readonly #pods;
  readonly #peers;
  readonly #blocks;
  readonly #rules;
  #flows = 0;
  /** Of the state that is in force as a whole. */
  #version: number | undefined;
  /** Connections may go on by what no map says any longer: a sync, perhaps an earlier process's, did not come to its end. */
  #unfinished = true;

  /** @param map one of the datapath's, which is loaded */
  constructor(map: (name: string) => BpfMap) {
    this.#map = map;
    this.#pods = new MapTable(map('policy_pods'), podEncoding);
    this.#peers = new MapTable(map('policy_peers'), peerEncoding);
    this.#blocks = new MapTable(map('policy_blocks'), blockEncoding);
    this.#rules = new MapTable(map('policy_rules'), ruleEncoding);
  }

  known(): 'unknown' | 'none' | 'some' {
    const { knowledge } = this.#config();
    return knowledgeNames[knowledge as keyof typeof knowledgeNames] ?? 'unknown';
  }

  async sync(state: PolicyState, any: boolean): Promise<void> {
    const { pods, peers, blocks, version, changes } = state;
    const slice = new TimeSlice();
    const unfinished = this.#unfinished;
    const known = changes?.since === this.#version ? changes : undefined;
    this.#version = undefined;
    this.#unfinished = true;
    const newBlocks = await this.#blocks.add(blocks, slice);
    const { problem } = this.#blocks;
    const rules = problem === undefined ? state.rules : rulesInForce(state, (name) => this.#blocks.get(name));
    const only = rules === state.rules ? known : undefined;
    await this.#rules.add(rules, slice, only?.rules);
    const newPeers = await this.#peers.add(peers, slice, only?.peers);
    // Whoever is isolated from now on is judged by rules that are all there.
    if (pods.size > 0 && !this.#config().enabled) this.#configure({ enabled: 1 });
    const newPods = await this.#pods.add(pods, slice);
    // Where a block goes the one around it counts, and not that none has its number's rules.
    const removed =
      (await this.#pods.removeOthers(pods, slice)) +
      (await this.#peers.removeOthers(peers, slice, only?.peers)) +
      (await this.#blocks.removeOthers(blocks, slice)) +
      (await this.#rules.removeOthers(rules, slice, only?.rules));
    // New peers and rules allow more. A new block may stand in front of another, and what changed or went may forbid.
    const forbids =
      removed + newPods.added + newPods.changed + newPeers.changed + newBlocks.added + newBlocks.changed;
    this.#configure({
      enabled: Number(pods.size > 0),
      knowledge: any ? policyKnowledge.POLICY_SOME : policyKnowledge.POLICY_NONE,
      ...((forbids > 0 || unfinished) && { revision: this.#nextRevision() }),
    });
    this.#unfinished = false;
    // What found no room is tried again, as all else.
    if (this.status().problem === undefined) this.#version = version;
  }

  judges(ip: Ip): boolean {
    return this.#pods.has(formatIp(ip));
  }

  remember(connections: readonly PodConnection[]): void {
    const flows = this.#map('policy_flows');
    // Any but that which comes next.
    const revision = this.#config().revision || 0xffff_ffff;
    for (const { direction, client, server } of connections) {
      const key = flowKey(client, server);
      const before = flows.lookup(key);
      const flow = before ? layouts.policyFlow.decode(before) : openFlow();
      flow.judged[directionNumbers[direction]] = revision;
      flows.update(key, layouts.policyFlow.encode(flow));
    }
  }

  close(ips: readonly Ip[]): void {
    for (const ip of ips) this.#pods.set(formatIp(ip), { subject: noSubject, ingress: true, egress: true });
    this.#configure({ enabled: 1, revision: this.#nextRevision() });
  }

  async collect(): Promise<{ crowded: boolean }> {
    const map = this.#map('policy_flows');
    const isCrowded = () => this.#flows > map.maxEntries * crowdedShare;
    const walk = { now: process.hrtime.bigint(), crowded: isCrowded() };
    this.#flows = await collectFlows(map, walk, new TimeSlice());
    return { crowded: isCrowded() };
  }

  status(): PolicyEngineStatus {
    const tables = [this.#pods, this.#rules, this.#peers, this.#blocks];
    const problem = tables.find((table) => table.problem !== undefined)?.problem;
    const [pods, rules, peers, blocks] = tables.map(({ size }) => size) as [number, number, number, number];
    return { pods, rules, peers, blocks, flows: this.#flows, ...(problem !== undefined && { problem }) };
  }

  #config(): PolicyConfig {
    return layouts.policyConfig.decode(this.#map('policy_config').lookup(onlyIndex)!);
  }

  #configure(change: Partial<PolicyConfig>): void {
    const before = this.#config();
    const now = { ...before, ...change };
    if (now.enabled && now.revision === 0) now.revision = 1;
    this.#map('policy_config').update(onlyIndex, layouts.policyConfig.encode(now));
  }

  /** Never 0. */
  #nextRevision(): number {
    return (this.#config().revision % 0xffff_ffff) + 1;
  }
}
