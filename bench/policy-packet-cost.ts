/**
 * What NetworkPolicies cost a packet that a pod sends, by BPF_PROG_TEST_RUN: ns for a packet, without the stack around it,
 * beside the same packet where no pod is isolated.
 */
import { outside, PacketRig, pod } from '../bpf/tests/packet-rig.ts';
import { EbpfPolicyEngine } from '../src/policy/engines/ebpf/ebpf-engine.ts';
import { type PodPolicy, type PolicyRule, type PolicyState, ruleKey } from '../src/policy/policy-state.ts';
import { medianOf, type Report } from './report.ts';

export const claim =
  'where no pod is isolated a packet costs policies a look at a flag; in a known connection about as much as all else';

const families = [4, 6] as const;
const turns = 15;
const repeated = 20_000;
const singles = 3000;
const subject = 7n;
const tcp = 6;

const nothing: PolicyState = { pods: new Map(), peers: new Map(), blocks: new Map(), rules: new Map() };
const isolated: PodPolicy = { subject, ingress: true, egress: true };

/** As many rules of other pods as a node of a large cluster has, and that of the packet last. */
function rules(count: number): PolicyState['rules'] {
  const all = Array.from(
    { length: count },
    (_, i): PolicyRule => ({
      ...{ subject: BigInt(100 + (i % 100)), direction: 'egress', protocol: tcp, port: 443, portBits: 16 },
      peer: BigInt(1_000_003 * (i + 1)),
    }),
  );
  const own = { subject, direction: 'egress', protocol: tcp, port: 443, portBits: 16 } as const;
  return new Map([...all, { ...own, peer: 0n }].map((rule) => [ruleKey(rule), rule]));
}

export async function run(report: Report): Promise<void> {
  const rig = new PacketRig();
  try {
    rig.configure({ pastStack: 1 });
    const engine = new EbpfPolicyEngine((name) => rig.map(name));
    const states: [string, PolicyState][] = [
      ['no pod is isolated', nothing],
      ['another pod is', { ...nothing, pods: new Map([['10.244.1.99', isolated]]) }],
      ['a known connection, 100,000 rules', stateOf(100_000)],
    ];
    for (const f of families) {
      const packet = rig
        .from('pod')
        .ip(pod[f], outside[f])
        .tcp(4000, 443, { flags: 'A' })
        .payload('x'.repeat(100));
      const costs = states.map((): number[] => []);
      for (let turn = 0; turn < turns; turn++)
        for (const [i, [, state]] of states.entries()) {
          await engine.sync(state, true);
          costs[i]!.push(rig.cost('pod_ingress', packet, repeated));
        }
      const base = medianOf(costs[0]!).median;
      for (const [i, [what]] of states.entries())
        print(report, `pod_ingress IPv${f}, ${what}`, costs[i]!, base);
      await measureNew(rig, engine, report, f);
    }
  } finally {
    rig.close();
  }
}

function stateOf(count: number): PolicyState {
  const pods = new Map(families.map((f) => [pod[f], isolated]));
  return { ...nothing, pods, rules: rules(count) };
}

/** Each by another port; in turn with and without policies, since a single run is dearer than one of many. */
async function measureNew(rig: PacketRig, engine: EbpfPolicyEngine, report: Report, f: 4 | 6): Promise<void> {
  const cost = (sport: number) =>
    rig.cost('pod_ingress', rig.from('pod').ip(pod[f], outside[f]).tcp(sport, 443, { flags: 'S' }), 1);
  const ports = Array.from({ length: singles }, (_, i) => 10_000 + i);
  await engine.sync(nothing, true);
  const without = ports.map(cost);
  await engine.sync(stateOf(100_000), true);
  const excess = medianOf(without).median;
  print(
    report,
    `pod_ingress IPv${f}, a new connection more`,
    ports.map((port) => Math.max(0, cost(port) - excess)),
  );
}

function print(report: Report, name: string, costs: number[], base?: number): void {
  const { median, interval } = medianOf(costs);
  const peer = base === undefined ? {} : { peer: 'no pod is isolated', peerValue: base };
  report({ name, value: median, unit: 'ns', interval, runs: costs.length, ...peer });
}
