/**
 * A client that goes on while the network under it is exchanged: connections that stay, and new ones at a steady rate. Run as a
 * process of its own in a namespace of a cluster's: `node steady-client.ts '{"stay":[…],"come":[…],"everyMs":50}'`, each
 * target `[HOST]:PORT` of an HTTP server that keeps connections. Ends with SIGTERM, and prints what failed as JSON.
 */
import { connect, type Socket } from 'node:net';

interface Plan {
  stay: string[];
  come: string[];
  everyMs: number;
}

interface Report {
  /** Answers on connections that stayed, and new connections that were answered. */
  answers: number;
  connections: number;
  failures: { what: 'stay' | 'come'; target: string; after: number; why: string }[];
}

/** A machine that is busy is slow; what takes longer does not come. */
const patienceMs = 15_000;

const began = Date.now();
const report: Report = { answers: 0, connections: 0, failures: [] };

function fail(what: 'stay' | 'come', target: string, why: string): void {
  report.failures.push({ what, target, after: Date.now() - began, why });
}

function open(target: string): Socket {
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(target)!;
  return connect({ host: host!, port: Number(port), noDelay: true });
}

const request = (connection: string) =>
  `GET /hostname HTTP/1.1\r\nHost: steady\r\nConnection: ${connection}\r\n\r\n`;

/** One request after the other on one connection. */
function stay(target: string, pauseMs: number): void {
  const socket = open(target);
  let waiting = setTimeout(late, patienceMs);
  function late(): void {
    fail('stay', target, `no answer within ${patienceMs} ms`);
    socket.destroy();
  }
  socket.on('connect', () => socket.write(request('keep-alive')));
  socket.on('data', () => {
    report.answers++;
    clearTimeout(waiting);
    setTimeout(() => {
      if (socket.destroyed) return;
      waiting = setTimeout(late, patienceMs);
      socket.write(request('keep-alive'));
    }, pauseMs);
  });
  socket.on('error', (error) => fail('stay', target, error.message));
  socket.on('close', () => {
    clearTimeout(waiting);
    if (!ending) fail('stay', target, 'closed');
  });
}

function come(target: string): void {
  const socket = open(target);
  let state = 'no connection';
  const waiting = setTimeout(() => {
    fail('come', target, `${state} within ${patienceMs} ms`);
    socket.destroy();
  }, patienceMs);
  socket.on('connect', () => {
    state = 'no answer';
    socket.write(request('close'));
  });
  socket.once('data', () => {
    report.connections++;
    clearTimeout(waiting);
    socket.destroy();
  });
  socket.on('error', (error) => {
    clearTimeout(waiting);
    fail('come', target, error.message);
  });
}

let ending = false;
const plan = JSON.parse(process.argv[2]!) as Plan;
for (const target of plan.stay) stay(target, plan.everyMs * 4);
let next = 0;
const coming = setInterval(() => {
  if (plan.come.length > 0) come(plan.come[next++ % plan.come.length]!);
}, plan.everyMs);
process.once('SIGTERM', () => {
  ending = true;
  clearInterval(coming);
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
});
