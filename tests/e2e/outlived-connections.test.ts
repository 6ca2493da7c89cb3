/** Connections whose backend is gone: their programs are told, rather than left to wait. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFiles } from './support/scratch-files.ts';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec:
  nodeName: node-1
  containers: [{name: netshoot, image: nicolaka/netshoot, command: [sleep, infinity]}]
---
${['first', 'second']
  .map(
    (name) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: echo, rank: ${name}}}
spec:
  nodeName: node-2
  terminationGracePeriodSeconds: 0
  containers:
    - name: echo
      image: example.com/echo
      ports: [{containerPort: 7000}, {containerPort: 7000, protocol: UDP}]
---`,
  )
  .join('')}
${Object.entries({
  'udp-4': 'first',
  'udp-6': 'first',
  'tcp-4': 'first',
  'tcp-6': 'first',
  deleted: 'second',
})
  .map(
    ([name, rank]) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  type: NodePort
  ipFamilyPolicy: RequireDualStack
  selector: {rank: ${rank}}
  ports:
    - {name: tcp, port: 7000}
    - {name: udp, port: 7000, protocol: UDP}
---`,
  )
  .join('')}
`;

let lab: TestCluster;
beforeAll(async () => {
  lab = await bringUp({ manifest, args: ['--nodes', '2'] });
});
afterAll(() => lab?.down());

const get = async (...what: string[]) => JSON.parse(await must(lab.tendril(['get', ...what, '-o', 'json'])));
const moveToSecond = (service: string) =>
  must(lab.kubectl('patch', 'service', service, '-p', '{"spec":{"selector":{"rank":"second"}}}'));

/** Sends a line every 100 ms; ends when the connection does. The lines that came back are in a file of the place. */
function talk(where: readonly string[], address: string, log: string) {
  const lines = 'while sleep 0.1; do echo x || exit; done';
  const script = `(${lines}) | socat -t 0 - ${address} > ${log}`;
  return lab.tendril(['exec', ...where, '--', 'sh', '-c', script], { timeoutMs: 60_000 });
}

const answered = (where: readonly string[], log: string) => () =>
  lab.tendril(['exec', ...where, '--', 'test', '-s', log]).then(({ code }) => code === 0);

describe.each([4, 6])('IPv%s', (family) => {
  const address = async (protocol: string, service: string) => {
    const { clusterIPs } = (await get('service', service)).spec;
    return family === 4 ? `${protocol}4:${clusterIPs[0]}:7000` : `${protocol}6:[${clusterIPs[1]}]:7000`;
  };

  test('a connected UDP socket ends when its backend leaves the Service', async () => {
    const log = `/tmp/udp-${family}`;
    const ended = talk(['client'], await address('UDP', `udp-${family}`), log);
    await until('an answer', answered(['client'], log));
    await moveToSecond(`udp-${family}`);
    // An ended socket says so to the next read, and to a write that comes first that it is no longer connected.
    expect((await ended).stderr).toMatch(/abort|destination address required/i);
  });

  test('a TCP connection outlives its backend’s place in the Service', async () => {
    const log = `/tmp/tcp-${family}`;
    const ended = talk(['client'], await address('TCP', `tcp-${family}`), log);
    await until('an answer', answered(['client'], log));
    await moveToSecond(`tcp-${family}`);
    const size = async () => Number(await lab.exec(['client'], 'stat', '-c', '%s', log));
    const before = await size();
    await until('more answers, long after', async () => (await size()) > before + 30);
    await lab.exec(['client'], 'pkill', '-x', 'socat');
    await ended;
  });
});

test('TCP connections to a pod that is deleted without a word are ended, from a pod and from outside', async () => {
  const { clusterIP, ports } = (await get('service', 'deleted')).spec;
  const node = (await get('node', 'node-1')).status.addresses[0].address;
  // Outside has the machine's own files.
  using files = scratchFiles({});
  const log = files.path('answers');
  const inside = talk(['client'], `TCP4:${clusterIP}:7000`, '/tmp/deleted');
  const outside = talk(['--outside'], `TCP4:${node}:${ports[0].nodePort}`, log);
  await until('an answer inside', answered(['client'], '/tmp/deleted'));
  await until('an answer outside', answered(['--outside'], log));
  // As when a node dies: nothing that the pod's sockets say is heard.
  const { podIP } = (await get('pod', 'second')).status;
  const route = await lab.exec(['--node', 'node-2'], 'ip', '-o', 'route', 'get', podIP);
  await lab.exec(['--node', 'node-2'], 'ip', 'link', 'set', / dev (\S+)/.exec(route)![1]!, 'down');
  await must(lab.tendril(['delete', 'pod', 'second']));
  expect((await inside).stderr).toMatch(/abort/i);
  await outside;
});
