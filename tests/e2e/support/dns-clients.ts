/**
 * Clients of a DNS server, as programs of their own. `flood-udp` sends as many datagrams as it can and hears no answer; `flood-tcp` keeps 64
 * connections full of queries. `good` asks a hundred questions a second over UDP, each once, and as many over one connection, and
 * prints, as JSON, how many of each were answered within two seconds.
 *
 *     dns-clients.ts flood-udp|flood-tcp|good SECONDS ADDRESS NAME
 */
import dgram from 'node:dgram';
import net from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { encodeMessage, newQuery } from '../../../src/dns/message/message.ts';
import { BatchedSocket } from '../../../src/linux/udp/batched-socket.ts';
import { pathTo } from '../../../src/linux/udp/message-array.ts';
import { parseIp } from '../../../src/net/ip.ts';

const [role, duration, address, name] = process.argv.slice(2) as [string, string, string, string];
const seconds = Number(duration);
const question = (id: number) => encodeMessage(newQuery(id, { name, type: 1 }));
const framed = (message: Uint8Array) =>
  Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]);

async function floodOverUdp(): Promise<void> {
  const local = address.includes(':') ? '::' : '0.0.0.0';
  using socket = new BatchedSocket({ ip: parseIp(local), port: 0 }, () => {});
  const path = pathTo({ ip: parseIp(address), port: 53 });
  const bytes = question(7);
  const end = performance.now() + 1000 * seconds;
  let sent = 0;
  for (; performance.now() < end; sent += 1024) {
    for (let i = 0; i < 1024; i++) socket.send(bytes, path);
    await nextTurn();
  }
  console.log(JSON.stringify({ perSecond: Math.round(sent / seconds) }));
}

/** Connections that are closed are opened anew: a server may do that to who does not read. */
async function floodOverTcp(): Promise<void> {
  const many = Buffer.concat(Array.from({ length: 500 }, (_, id) => framed(question(id))));
  let heard = 0;
  const open = () => {
    const socket = net.connect({ host: address, port: 53 });
    const fill = () => {
      while (!socket.destroyed && socket.write(many));
    };
    socket.on('connect', fill).on('drain', fill);
    socket.on('data', ({ length }) => {
      heard += length;
    });
    socket.on('error', () => {}).on('close', () => setTimeout(open, 10));
  };
  for (let i = 0; i < 64; i++) open();
  await sleep(1000 * seconds);
  console.log(JSON.stringify({ bytesPerSecond: Math.round(heard / seconds) }));
  process.exit();
}

async function askWell(): Promise<void> {
  const answered = { udp: new Set<number>(), tcp: new Set<number>() };
  const datagrams = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  datagrams.on('message', (bytes) => answered.udp.add(bytes.readUInt16BE(0)));
  const connection = net.connect({ host: address, port: 53 });
  let pending: Buffer = Buffer.alloc(0);
  connection.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 2 + pending.readUInt16BE(0)) {
      answered.tcp.add(pending.readUInt16BE(2));
      pending = pending.subarray(2 + pending.readUInt16BE(0));
    }
  });
  const asked = 100 * seconds;
  for (let id = 0; id < asked; id++) {
    datagrams.send(question(id), 53, address);
    connection.write(framed(question(id)));
    await sleep(10);
  }
  await sleep(2000);
  console.log(JSON.stringify({ asked, udp: answered.udp.size, tcp: answered.tcp.size }));
  process.exit();
}

const roles: Record<string, () => Promise<void>> = {
  'flood-udp': floodOverUdp,
  'flood-tcp': floodOverTcp,
  good: askWell,
};
await roles[role]!();
