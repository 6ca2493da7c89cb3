/** The uplink of a node changes under its agent, by real packets: long before anything is looked at without a reason. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AgentRig, untilAnswer } from './testing/agent-rig.ts';

let rig: AgentRig;

beforeEach(async () => {
  rig = new AgentRig({ bpf: true });
  await rig.startAgent({ REAL_SERVICES: '1' });
});
afterEach(() => rig.close());

const serve = `require('http').createServer((_, response) => response.end('backend')).listen(8080, '::')`;
const ask = (host: string) => rig.run('peer', `curl -s -f -g -m 1 http://${host}:30080/`);
const bound = 20_000;

it(
  'a NodePort answers on an address that the node is given, in both families',
  async () => {
    rig.spawn('peer', [process.execPath, '-e', serve]);
    for (const host of ['172.20.0.1', '[fd00:10:20::1]'])
      expect(await untilAnswer(() => ask(host))).toBe('backend');
    rig.run('node', 'ip addr add 172.20.0.77/16 dev eth0; ip -6 addr add fd00:10:20::77/64 dev eth0');
    for (const host of ['172.20.0.77', '[fd00:10:20::77]'])
      expect(await untilAnswer(() => ask(host))).toBe('backend');
  },
  bound,
);

it(
  'routes to the other nodes are back when it is up again',
  async () => {
    const route = 'ip route show 10.244.2.0/24 | grep .';
    const before = rig.run('node', route);
    rig.run('node', 'ip link set eth0 down; ip link set eth0 up');
    expect(await untilAnswer(() => rig.run('node', route))).toBe(before);
  },
  bound,
);
