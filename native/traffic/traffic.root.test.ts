/** The load generator, over loopback: it must tell what was lost, and take nothing for lost that this machine was late with. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';

const program = resolve('dist/native/traffic');

interface Event {
  kind: string;
  target: string;
  how: string;
  count: number;
}

interface Tally {
  begun: number;
  succeeded: number;
  failed: number;
  excused: number;
}

interface Report extends Record<'connects' | 'queries' | 'kept', Tally> {
  failures: Event[];
  excused: Event[];
}

/** The program's last line. */
async function reportOf(child: ChildProcess): Promise<Report> {
  const lines = (await text(child.stdout!)).trim().split('\n');
  return JSON.parse(lines.at(-1)!);
}

const start = (...words: string[]) => spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
const load = (...words: string[]) => reportOf(start('load', ...words));

/** In a network namespace that ends with them: a server, what `prepare` does, and the load. */
function alone(prepare: string, words: string): Promise<Report> {
  const script = `ip link set lo up; ${prepare}
    "$0" serve 8000 & server=$!
    until ss -Hltn | grep -q :8000; do sleep 0.05; done
    "$0" load ${words}; kill $server`;
  const child = spawn('unshare', ['-n', 'sh', '-c', script, program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return reportOf(child);
}

async function served(use: (port: number, server: ChildProcess) => Promise<void>): Promise<void> {
  const port = 28_400 + (process.pid % 500);
  const server = start('serve', String(port));
  try {
    for (let open = false; !open; ) {
      const probe = connect(port, '127.0.0.1');
      open = await once(probe, 'connect').then(
        () => true,
        () => false,
      );
      probe.destroy();
    }
    await use(port, server);
  } finally {
    server.kill('SIGKILL');
  }
}

/** A DNS server that answers each question after what `delayMs` says of it; undefined: never. */
async function named(
  delayMs: (count: number) => number | undefined,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const socket = createSocket('udp4');
  let count = 0;
  socket.on('message', (query, { port, address }) => {
    const record = Buffer.from('c00c00010001000000050004c0000207', 'hex');
    const answer = Buffer.concat([query, record]);
    answer[2]! |= 0x80;
    answer[7] = 1;
    const delay = delayMs(count++);
    if (delay !== undefined) setTimeout(() => socket.send(answer, port, address), delay);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  try {
    await use(`127.0.0.1:${socket.address().port}`);
  } finally {
    socket.close();
  }
}

test('all that works is counted, at the rate that was asked for', async () => {
  const targets = '127.0.0.1:8000 [::1]:8000';
  const { connects, kept, failures } = await alone(
    '',
    `--seconds 2 --connects 200 ${targets} --keep ${targets}`,
  );
  expect(failures).toEqual([]);
  expect(connects).toMatchObject({ begun: 400, succeeded: 400 });
  expect(kept.succeeded).toBe(kept.begun);
  expect(kept.begun).toBeGreaterThan(60);
});

test('a SYN that is lost once is told, though the connection comes about', async () => {
  const rule =
    'nft add table inet t; nft add chain inet t c "{ type filter hook input priority 0; }"; ' +
    'nft add rule inet t c "tcp dport 8000 tcp flags & (syn|ack) == syn limit rate 1/day burst 1 packets drop"';
  // The first is that of the load: the server is not asked before.
  const { connects, failures } = await alone(rule, '--seconds 2 --connects 50 127.0.0.1:8000');
  expect(failures).toMatchObject([{ kind: 'connects', how: 'connect: the SYN was sent again', count: 1 }]);
  expect(connects).toMatchObject({ begun: 100, succeeded: 99, failed: 1 });
});

test('connections that are refused, or closed without an answer, are told', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as { port: number };
    const { failures } = await load(
      ...['--seconds', '1', '--connects', '40', `127.0.0.1:${port}`, '127.0.0.1:1', '--keep', '127.0.0.1:1'],
    );
    const told = failures.map(({ kind, how, count }) => ({ kind, how, count }));
    expect(told).toContainEqual({ kind: 'connects', how: 'answer: closed without one', count: 20 });
    expect(told).toContainEqual({ kind: 'connects', how: 'connect: Connection refused', count: 20 });
    expect(failures).toContainEqual(expect.objectContaining({ kind: 'kept', how: 'Connection refused' }));
  } finally {
    server.close();
  }
});

test('a question that is lost, and one that is answered late, are told', async () => {
  const delayMs = (count: number) => (count === 7 ? undefined : count === 9 ? 1500 : 0);
  await named(delayMs, async (address) => {
    const { queries, failures } = await load(
      '--seconds',
      '1',
      '--queries',
      '50',
      address,
      'a.test.',
      '*.b.test',
    );
    const told = failures.map(({ how, count }) => ({ how, count }));
    expect(told).toHaveLength(2);
    expect(told).toContainEqual({ how: 'unanswered', count: 1 });
    expect(told).toContainEqual({ how: 'answered late', count: 1 });
    expect(queries).toMatchObject({ begun: 50, succeeded: 48, failed: 2 });
  });
});

test('its own DNS server has an address of each family for every name with a dot, and knows no other', async () => {
  const server = start('names', '127.0.0.1:28399');
  try {
    // Refused until the server is there.
    for (let failed = 1; failed > 0; )
      ({
        queries: { failed },
      } = await load('--seconds', '1', '--queries', '20', '127.0.0.1:28399', '*.example'));
    const { queries } = await load('--seconds', '1', '--queries', '20', '127.0.0.1:28399', 'example');
    expect(queries.failed).toBe(queries.begun);
    expect(queries.begun).toBeGreaterThan(0);
  } finally {
    server.kill('SIGKILL');
  }
});

test('what the program itself, or the server, was late with is no failure', async () => {
  await served(async (port, server) => {
    const address = `127.0.0.1:${port}`;
    const child = start('load', '--until-eof', '--connects', '50', address, '--keep', address);
    const report = reportOf(child);
    await once(child.stdout!, 'data');
    for (const held of [child, server]) {
      held.kill('SIGSTOP');
      await sleep(1500);
      held.kill('SIGCONT');
      await sleep(300);
    }
    child.stdin!.end();
    const { failures, excused, kept } = await report;
    expect(failures).toEqual([]);
    expect(excused).toContainEqual(expect.objectContaining({ kind: 'kept', how: 'stalled' }));
    expect(kept.begun).toBe(kept.succeeded + kept.excused);
  });
});

test('a kept connection that breaks is told', async () => {
  await served(async (port, server) => {
    const child = start('load', '--until-eof', '--keep', `127.0.0.1:${port}`);
    const report = reportOf(child);
    await once(child.stdout!, 'data');
    server.kill('SIGKILL');
    await once(server, 'exit');
    await sleep(300);
    child.stdin!.end();
    expect((await report).failures).toContainEqual(expect.objectContaining({ kind: 'kept' }));
  });
});

test('words that are not understood are named', async () => {
  for (const words of [
    ['load', '--connects', 'many', '127.0.0.1:1'],
    ['load', '--keep', 'somewhere'],
    ['load', '--seconds', '3'],
    ['sing', 'a'],
  ]) {
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    const [told, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect({ code, told: told.split(':')[0] }).toMatchObject({
      code: 2,
      told: expect.stringMatching(/traffic|usage/),
    });
  }
});
