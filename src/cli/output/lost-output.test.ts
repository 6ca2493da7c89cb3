import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const module = JSON.stringify(join(import.meta.dirname, 'lost-output.ts'));

/** A process that writes lines to `stream`, does its work, and says so by the exit status that `work` leaves. */
const script = (stream: 'stdout' | 'stderr', work = '') => `
  const { surviveLostOutput } = await import(${module});
  surviveLostOutput();
  for (let i = 0; i < 5; i++) {
    process.${stream}.write('line\\n');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  ${work}
`;

interface Ended {
  code: number | null;
  other: string;
}

/** Runs it with nobody (`closed`) or a full disk behind the stream; `other` is what the other one got. */
const run = (stream: 'stdout' | 'stderr', sink: 'closed' | 'full', work?: string): Promise<Ended> =>
  new Promise((resolve) => {
    const full = sink === 'full' ? openSync('/dev/full', 'w') : undefined;
    const lossy = full ?? 'pipe';
    const stdio =
      stream === 'stdout' ? (['ignore', lossy, 'pipe'] as const) : (['ignore', 'pipe', lossy] as const);
    const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script(stream, work)];
    const child = spawn(process.execPath, argv, { stdio: [...stdio] });
    if (full === undefined) child[stream]!.destroy();
    else closeSync(full);
    let other = '';
    child[stream === 'stdout' ? 'stderr' : 'stdout']!.setEncoding('utf8').on('data', (text: string) => {
      other += text;
    });
    child.on('close', (code) => resolve({ code, other }));
  });

describe('output that is lost', () => {
  test('a reader of stdout that has gone ends no work and is no failure', async () => {
    expect(await run('stdout', 'closed', "process.stderr.write('done')")).toEqual({ code: 0, other: 'done' });
  });

  test('a full disk is told once, and is a failure', async () => {
    expect(await run('stdout', 'full')).toEqual({
      code: 1,
      other: expect.stringMatching(/^tendril: the output cannot be written: ENOSPC[^\n]*\n$/),
    });
  });

  test("the work's own failure keeps its exit status", async () => {
    expect((await run('stdout', 'full', 'process.exitCode = 125')).code).toBe(125);
  });

  test.each(['closed', 'full'] as const)('stderr that is %s ends no work', async (sink) => {
    expect(await run('stderr', sink, "process.stdout.write('done')")).toEqual({ code: 0, other: 'done' });
  });
});
