/** SCTP of agnhost: a round trip where the kernel has it, else the words in which both programs say that it has not. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { originalAgnhost } from '../../tests/e2e/support/go-programs.ts';
import { until } from '../../tests/e2e/support/until.ts';

const ours = resolve('dist/native/agnhost');
const original = originalAgnhost();
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

function run(program: string, args: string[], env = {}) {
  const options = { encoding: 'utf8', timeout: 10_000, env: { ...process.env, ...env } } as const;
  const { status, stderr } = spawnSync(program, args, options);
  return { status, stderr: stderr.trim() };
}

const connect = (program: string, to: string) =>
  run(program, ['connect', '--protocol=sctp', '--timeout=3s', to]);
/** A kernel without it has no such sockets: it is another failure than that nobody listens. */
const isThere = !connect(ours, '127.0.0.1:1').stderr.includes('protocol not supported');
if (!isThere) console.log('skipped: SCTP there and back, which this kernel has not (CONFIG_IP_SCTP)');

function start(...[args, env = {}]: [string[], Record<string, string>?]) {
  const child = spawn(ours, args, { stdio: 'ignore', env: { ...process.env, ...env } });
  children.push(child);
}

describe.skipIf(!isThere)('where the kernel has it', () => {
  test.each(['127.0.0.1', '[::1]'])('netexec and porter answer at %s', async (host) => {
    const port = host === '[::1]' ? 28_604 : 28_600;
    start(['netexec', `--http-port=${port}`, '--udp-port=-1', `--sctp-port=${port + 1}`]);
    start(['porter'], { [`SERVE_SCTP_PORT_${port + 2}`]: 'by sctp' });
    for (const to of [port + 1, port + 2])
      await until(`${to} answers`, () => connect(ours, `${host}:${to}`).status === 0);
    const query = new URLSearchParams({
      host: host.replace(/[[\]]/g, ''),
      port: String(port + 1),
      request: 'echo hi',
      protocol: 'sctp',
    });
    const said = await (await fetch(`http://127.0.0.1:${port}/dial?${query}`)).json();
    expect(said).toEqual({ responses: ['hi'] });
  });
});

describe.skipIf(isThere)('where it has not', () => {
  test.skipIf(original === undefined).each(['127.0.0.1:1', '[::1]:1'])(
    'connect to %s: as the original',
    (to) => {
      expect(connect(ours, to)).toEqual(connect(original!, to));
    },
  );

  test.each([
    [['netexec', '--http-port=28610', '--udp-port=-1', '--sctp-port=28611'], {}],
    [['porter'], { SERVE_SCTP_PORT_28612: 'x' }],
  ])('%j ends with the original’s status, and says why', (args, env) => {
    const mine = run(ours, args, env);
    expect([mine.status, mine.stderr]).toEqual([1, expect.stringContaining('protocol not supported')]);
    if (original) expect(mine.status).toBe(run(original, args, env).status);
  });
});
