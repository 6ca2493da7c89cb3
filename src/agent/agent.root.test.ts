/** A whole node but for Services: an agent process in a namespace of its own, pods by CNI requests, real packets. */
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRouteNetlink } from '../linux/netlink/kernel-route-netlink.ts';
import { openNetns } from '../linux/netns/netns.ts';
import { hostInterfaceName } from '../podnet/interface/pod-interface.ts';
import { AgentRig, killed, untilAnswer } from './testing/agent-rig.ts';

let rig: AgentRig;

beforeEach(() => {
  rig = new AgentRig();
});
afterEach(() => rig.close());

const addressesOf = (output: { ips: { address: string }[] }) =>
  output.ips.map(({ address }) => address.split('/')[0]!);

/** The address that `to` sees when `from` sends it a datagram. */
async function seenSource(from: string, to: string): Promise<string> {
  const family = to.includes(':') ? 6 : 4;
  const listener = rig.spawn('peer', [process.execPath, '-e', listen(family, to)]);
  const lines = createInterface({ input: listener.stdout! })[Symbol.asyncIterator]();
  await lines.next();
  const send = `require('dgram').createSocket('udp${family}').send('x', 7777, '${to}', () => process.exit())`;
  rig.run(from, `${process.execPath} -e "${send}"`);
  const { value } = await lines.next();
  await new Promise((resolve) => (listener.exitCode === null ? listener.once('exit', resolve) : resolve(0)));
  return value as string;
}

const listen = (family: number, address: string) => `
  const socket = require('dgram').createSocket('udp${family}');
  socket.on('message', (_, from) => { console.log(from.address + ' ' + from.port); process.exit(); });
  socket.bind(7777, '${address}', () => console.log('listening'));`;

describe('a pod’s network', () => {
  it('reaches pods, nodes and the world, each seeing the right address, in both families', async () => {
    await rig.startAgent();
    const first = await rig.cni('ADD', 'pod1');
    const second = await rig.cni('ADD', 'pod2');
    expect([first.status, second.status]).toEqual([0, 0]);
    const [ips, others] = [addressesOf(first.output), addressesOf(second.output)];
    expect(ips).toEqual(['10.244.1.1', 'fd00:10:244:1::1']);
    for (const ip of others) rig.ping('pod1', ip);
    for (const ip of [
      '172.20.0.1',
      'fd00:10:20::1',
      '10.244.2.9',
      'fd00:10:244:2::9',
      '198.51.100.1',
      '2001:db8::1',
    ]) {
      rig.ping('pod1', ip);
    }
    for (const ip of ips) rig.ping('node', ip);
    for (const [to, seen] of [
      ['10.244.2.9', ips[0]],
      ['fd00:10:244:2::9', ips[1]],
      ['172.20.0.2', ips[0]],
      ['fd00:10:20::2', ips[1]],
      ['198.51.100.1', '172.20.0.1'],
      ['2001:db8::1', 'fd00:10:20::1'],
    ] as const) {
      const [address, port] = (await seenSource('pod1', to)).split(' ');
      expect([to, address]).toEqual([to, seen]);
      if (seen !== ips[0] && seen !== ips[1])
        expect(Number(port)).toSatisfy((p: number) => p >= 32768 && p < 45000);
    }
    expect((await rig.cni('CHECK', 'pod1', { prevResult: first.output })).status).toBe(0);
  });

  it('is gone without a trace after DEL, which may come twice', async () => {
    await rig.startAgent();
    const before = rig.remains();
    await rig.cni('ADD', 'pod1');
    expect(rig.remains()).not.toBe(before);
    expect((await rig.cni('DEL', 'pod1')).status).toBe(0);
    expect((await rig.cni('DEL', 'pod1')).status).toBe(0);
    expect(rig.remains()).toBe(before);
    expect(rig.run('pod1', 'ip -br link')).not.toContain('eth0');
  });

  it('is the same when ADD comes again, and is mended when it is broken', async () => {
    await rig.startAgent();
    const first = await rig.cni('ADD', 'pod1');
    expect(await rig.cni('ADD', 'pod1')).toEqual(first);
    rig.run('pod1', 'ip route del default');
    expect((await rig.cni('CHECK', 'pod1', { prevResult: first.output })).output).toMatchObject({
      code: 101,
      msg: 'the route to everywhere by eth0 is missing',
    });
    expect(await rig.cni('ADD', 'pod1')).toEqual(first);
    rig.ping('pod1', '172.20.0.1');
  });

  it('is not made where another plugin’s eth0 is, and nothing is left of the attempt', async () => {
    await rig.startAgent();
    const before = rig.remains();
    using pod = openNetns(rig.netns('pod1'));
    using netlink = openRouteNetlink(pod);
    netlink.addLink({ kind: 'bridge', name: 'eth0' });
    const { status, output } = await rig.cni('ADD', 'pod1');
    expect([status, output.msg]).toEqual([1, expect.stringContaining('exists')]);
    expect(rig.remains()).toBe(before);
    expect((await rig.cni('CHECK', 'pod1')).output.code).toBe(3);
  });

  it('is counted, with the time that it took', async () => {
    await rig.startAgent();
    await rig.cni('ADD', 'pod1');
    await rig.cni('ADD', 'pod2');
    const metrics = rig.run('node', 'curl -s http://172.20.0.1:9353/metrics');
    expect(metrics).toContain('tendril_cni_call_seconds_count{command="ADD"} 2');
    expect(metrics).toMatch(/tendril_cni_call_seconds_sum\{command="ADD"\} 0\.\d+/);
  });
});

describe('an agent', () => {
  it('writes the conflist once pods can start', async () => {
    await rig.startAgent();
    const [socket, complete, pins] = ['cni.sock', 'state/complete', 'bpf'].map((name) => rig.at(name));
    expect(JSON.parse(readFileSync(rig.at('net.d/05-tendril.conflist'), 'utf8'))).toEqual({
      cniVersion: '1.0.0',
      cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
      name: 'tendril',
      plugins: [{ type: 'tendril', socket, complete, pins, capabilities: { portMappings: true } }],
    });
    expect([existsSync(complete!), existsSync(pins!)]).toEqual([true, true]);
    expect((await rig.cni('STATUS', 'pod1')).status).toBe(0);
    expect(JSON.parse(rig.run('node', 'curl -s http://172.20.0.1:9353/status'))).toMatchObject({
      node: 'node-1',
      ready: true,
      network: { synced: true, nodes: 2, problems: [] },
      services: { synced: true },
    });
    expect(rig.run('node', 'curl -s http://172.20.0.1:9353/readyz')).toBe('ok\n');
    expect(rig.run('node', 'curl -s http://172.20.0.1:9353/metrics')).toContain('tendril_ipam_addresses');
  });

  it('that is killed leaves traffic alone, and the next one takes the pods over', async () => {
    const agent = await rig.startAgent();
    const first = await rig.cni('ADD', 'pod1');
    await killed(agent, 'SIGKILL');
    rig.ping('pod1', '172.20.0.1');
    rig.ping('pod1', '10.244.2.9');
    await rig.startAgent();
    rig.ping('pod1', '10.244.2.9');
    expect(await rig.cni('ADD', 'pod1')).toEqual(first);
    expect(addressesOf((await rig.cni('ADD', 'pod2')).output)).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
  });

  it('that is killed in the middle of an ADD leaves nothing once the next one runs', async () => {
    const clean = await rig.startAgent();
    const before = rig.remains();
    await killed(clean, 'SIGTERM');
    const crashing = await rig.startAgent({ CRASH_AT_ATTACH: '1' });
    const ended = new Promise((resolve) => crashing.once('exit', resolve));
    await rig.cni('ADD', 'pod1').catch(() => {});
    await ended;
    expect(rig.run('node', 'ip -br link')).toContain(
      hostInterfaceName({ containerId: 'pod1', ifName: 'eth0' }),
    );
    await rig.startAgent();
    expect(rig.remains()).toBe(before);
    expect(JSON.parse(rig.run('node', 'curl -s http://172.20.0.1:9353/status')).pods).toEqual([]);
  });

  it('keeps serving pods while the API is away, where pinned state is in force', async () => {
    const agent = await rig.startAgent();
    await killed(agent, 'SIGKILL');
    await rig.startAgent({ API_AWAY: '1' });
    expect((await rig.cni('STATUS', 'pod1')).status).toBe(0);
    expect((await rig.cni('ADD', 'pod1')).status).toBe(0);
    rig.ping('pod1', '10.244.2.9');
  });

  it('whose maps start empty leaves pods the programs they have until it knows of all Services', async () => {
    const agent = await rig.startAgent();
    const first = await rig.cni('ADD', 'pod1');
    await killed(agent, 'SIGKILL');
    const waiting = rig.startProcess({ MAPS_LOST: '1' });
    expect((await untilAnswer(() => rig.cni('STATUS', 'pod1'))).output).toMatchObject({ code: 50 });
    const status = JSON.parse(rig.run('node', 'curl -s http://172.20.0.1:9353/status'));
    expect([status.pods.length, status.services.pods]).toEqual([1, 0]);
    rig.ping('pod1', '10.244.2.9');
    await killed(waiting, 'SIGKILL');
    // The maps are there now, but nobody has filled them: still not before all Services are known.
    await rig.startAgent();
    expect(await rig.cni('ADD', 'pod1')).toEqual(first);
    expect(JSON.parse(rig.run('node', 'curl -s http://172.20.0.1:9353/status')).services.pods).toBe(1);
  });

  it('without pinned state waits for the API, and says so', async () => {
    rig.startProcess({ API_AWAY: '1' });
    const status = await untilAnswer(() => rig.cni('STATUS', 'pod1'));
    expect(status.output).toMatchObject({ code: 50 });
    expect((await rig.cni('ADD', 'pod1')).output).toMatchObject({ code: 11 });
    expect((await rig.cni('DEL', 'pod1')).status).toBe(0);
  });

  it('ends on SIGTERM, leaves the datapath, and removes its socket', async () => {
    const agent = await rig.startAgent();
    await rig.cni('ADD', 'pod1');
    await killed(agent, 'SIGTERM');
    expect(agent.exitCode).toBe(0);
    rig.ping('pod1', '10.244.2.9');
    await expect(rig.cni('STATUS', 'pod1')).rejects.toThrow('ENOENT');
  });
});
