/**
 * Asks a server for names at a steady rate, as a resolver does, a socket for each question, until it is told to end:
 * `node name-queries.ts SERVER RATE NAME…`. Prints what failed and the longest time without an answer.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

export interface QueryReport {
  sent: number;
  answered: number;
  /** What was wrong, with how often. */
  failures: Record<string, number>;
  /** ms between two answers, at the most. */
  longestGapMs: number;
  /** Seconds of the day (UTC) at which a question that failed was asked, each once. */
  failedAt: number[];
}

const [server, rate, ...names] = process.argv.slice(2) as [string, string, ...string[]];
/** A resolver gives up after five seconds. */
const patienceMs = 5000;

const report: QueryReport = { sent: 0, answered: 0, failures: {}, longestGapMs: 0, failedAt: [] };
let lastAnswer: number | undefined;
let ended = false;

function encode(id: number, name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

function fail(why: string, askedAt: number): void {
  report.failures[why] = (report.failures[why] ?? 0) + 1;
  const second = Math.floor(askedAt / 1000) % 86_400;
  if (!report.failedAt.includes(second)) report.failedAt.push(second);
}

function judge(answer: Buffer, id: number): string | undefined {
  if (answer.readUInt16BE(0) !== id) return 'another question’s answer';
  const rcode = answer[3]! & 15;
  if (rcode !== 0) return `rcode ${rcode}`;
  return answer.readUInt16BE(6) === 0 ? 'no addresses' : undefined;
}

function note(problem: string | undefined, askedAt: number): void {
  const now = performance.now();
  if (problem !== undefined) fail(problem, askedAt);
  report.answered++;
  if (lastAnswer !== undefined)
    report.longestGapMs = Math.max(report.longestGapMs, Math.round(now - lastAnswer));
  lastAnswer = now;
}

/** Resolves when it is answered, or given up. */
async function ask(id: number, name: string): Promise<void> {
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
  const done = Promise.withResolvers<void>();
  const askedAt = Date.now();
  const timer = setTimeout(() => {
    fail('no answer', askedAt);
    done.resolve();
  }, patienceMs);
  socket.on('message', (answer) => {
    note(judge(answer, id), askedAt);
    done.resolve();
  });
  socket.on('error', ({ message }) => {
    fail(message, askedAt);
    done.resolve();
  });
  socket.connect(53, server, () => socket.send(encode(id, name)));
  report.sent++;
  await done.promise;
  clearTimeout(timer);
  socket.close();
}

process.once('SIGTERM', () => {
  ended = true;
});
process.stdout.write('asking\n');
const open = new Set<Promise<void>>();
const start = performance.now();
for (let n = 0; !ended; n++) {
  const due = start + (n * 1000) / Number(rate);
  const early = due - performance.now();
  if (early > 1) await sleep(early);
  const asked: Promise<void> = ask(n & 0xffff, names[n % names.length]!).finally(() => open.delete(asked));
  open.add(asked);
}
await Promise.all(open);
process.stdout.write(`${JSON.stringify(report)}\n`);
