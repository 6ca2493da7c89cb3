/** The shim against an agent of the test's own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let directory: string;
let path: string;
let agent: Server | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-shim-'));
  path = join(directory, 'cni.sock');
});
afterEach(() => {
  agent?.close();
  agent = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const config = () =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'x', nested: { socket: '/wrong' }, socket: path });

function shim(command: string | undefined, stdin: string, env: Record<string, string> = {}) {
  const child = spawn(resolve('dist/native/cni-shim'), {
    env: { ...(command === undefined ? {} : { CNI_COMMAND: command }), ...env },
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stdin.on('error', () => {}).end(stdin);
  return new Promise<{ code: number | null; stdout: string }>((done) => {
    child.on('close', (code) => done({ code, stdout }));
  });
}

/** An agent that gives every request to the test; its answer is sent as it is. */
async function serve(answer: (request: string, socket: Socket) => Buffer | undefined): Promise<void> {
  agent = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      const bytes = Buffer.concat(chunks);
      expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
      const reply = answer(bytes.toString('utf8', 4), socket);
      if (reply !== undefined) socket.end(reply);
    });
  });
  await new Promise<void>((done) => agent!.listen(path, done));
}

const reply = (status: number, json: string) => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(status);
  return Buffer.concat([header, Buffer.from(json)]);
};

it('hands over the CNI variables and the configuration, and prints the answer', async () => {
  let seen: unknown;
  await serve((request) => {
    seen = JSON.parse(request);
    return reply(0, '{"cniVersion":"1.0.0"}');
  });
  const result = await shim('ADD', config(), { CNI_IFNAME: 'e"0\n', HOME: '/root' });
  expect(result).toEqual({ code: 0, stdout: '{"cniVersion":"1.0.0"}' });
  expect(seen).toEqual({ env: { CNI_COMMAND: 'ADD', CNI_IFNAME: 'e"0\n' }, config: JSON.parse(config()) });
});

it('prefers the socket of its environment, and sends null for no configuration', async () => {
  let seen = '';
  await serve((request) => {
    seen = request;
    return reply(0, '');
  });
  expect(await shim('STATUS', '', { TENDRIL_CNI_SOCKET: path })).toEqual({ code: 0, stdout: '' });
  expect(JSON.parse(seen).config).toBeNull();
});

it("exits with the agent's status", async () => {
  await serve(() => reply(7, '{"code":7}'));
  expect(await shim('ADD', config())).toEqual({ code: 7, stdout: '{"code":7}' });
});

it.each([
  ['no agent listens', 'ADD', undefined],
  ['the agent ends before it answers', 'ADD', Buffer.alloc(0)],
  ['the answer is cut short', 'ADD', reply(0, '{"cniVersion":"1.')],
])('asks to try again later where %s', async (_, command, answer) => {
  if (answer !== undefined) await serve(() => answer);
  const { code, stdout } = await shim(command, config());
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { cniVersion: '1.0.0', code: 11 }]);
});

it('does not wait longer than two seconds for STATUS', async () => {
  const sockets: Socket[] = [];
  await serve((_, socket) => void sockets.push(socket));
  const { code, stdout } = await shim('STATUS', config());
  for (const socket of sockets) socket.destroy();
  expect([code, JSON.parse(stdout).code]).toEqual([1, 11]);
});

describe('without an agent, STATUS', () => {
  const record = (text: string) => writeFileSync(join(directory, 'complete'), text);
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const identity = () => {
    const { dev, ino } = statSync(directory);
    return `${bootId} ${dev}:${ino}\n`;
  };
  const withRecord = () =>
    JSON.stringify({ ...JSON.parse(config()), complete: join(directory, 'complete'), pins: directory });

  it('is well where what is in the kernel is whole, and nothing else is', async () => {
    record(identity());
    expect(await shim('STATUS', withRecord())).toEqual({ code: 0, stdout: '' });
    expect((await shim('ADD', withRecord())).code).toBe(1);
  });

  it('is well also where an agent hangs, or ends before it answers', async () => {
    record(identity());
    await serve(() => Buffer.alloc(0));
    expect((await shim('STATUS', withRecord())).code).toBe(0);
    agent!.close();
    const sockets: Socket[] = [];
    await serve((_, socket) => void sockets.push(socket));
    expect((await shim('STATUS', withRecord())).code).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  it('is what an agent says that is there', async () => {
    record(identity());
    await serve(() => reply(50, '{"code":50}'));
    expect(await shim('STATUS', withRecord())).toEqual({ code: 50, stdout: '{"code":50}' });
  });

  it.each([
    ['of another boot', () => identity().replace(bootId, 'another')],
    ['of other pins', () => identity().replace(/:\d+/, ':1')],
    ['cut short', () => identity().slice(0, -2)],
    ['empty', () => ''],
  ])('fails with a record %s', async (_, text) => {
    record(text());
    expect((await shim('STATUS', withRecord())).code).toBe(1);
  });

  it('fails without a record, and without its pins', async () => {
    expect((await shim('STATUS', withRecord())).code).toBe(1);
    record(identity());
    const elsewhere = { ...JSON.parse(withRecord()), pins: join(directory, 'none') };
    expect((await shim('STATUS', JSON.stringify(elsewhere))).code).toBe(1);
  });
});

it('answers VERSION by itself', async () => {
  const { code, stdout } = await shim('VERSION', '{"cniVersion":"0.4.0"}');
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    { cniVersion: '0.4.0', supportedVersions: ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] },
  ]);
});

it.each([
  ['CNI_COMMAND is missing', undefined, '{}', 4],
  ['the configuration names no socket', 'ADD', '{"socket":5}', 6],
  ['the configuration is no JSON', 'ADD', '{"socket":"', 6],
  ['the configuration is beyond a MiB', 'ADD', 'x'.repeat((1 << 20) + 1), 6],
])('refuses where %s', async (_, command, stdin, cniCode) => {
  const { code, stdout } = await shim(command, stdin);
  expect([code, JSON.parse(stdout).code]).toEqual([1, cniCode]);
});
