/** What every launcher does, the fake too: ids, lives, signals and exits. */
import { expect, it, vi } from 'vitest';
import type { Exit, Launcher, ProcessSpec } from './launcher.ts';

export interface LauncherCases {
  launcher: () => Launcher;
  /** A process that lives until it is signalled. */
  sleeper: (id: string) => ProcessSpec;
}

export function launcherCases({ launcher, sleeper }: LauncherCases): void {
  it('tells the pid of what it starts, and lists it', async () => {
    const { pid } = await launcher().start(sleeper('listed'));
    expect(pid).toBeGreaterThan(0);
    expect(await launcher().list()).toContain('listed');
    await launcher().signal('listed', 9);
  });

  it('refuses an id that lives', async () => {
    await launcher().start(sleeper('twice'));
    await expect(launcher().start(sleeper('twice'))).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    await launcher().signal('twice', 9);
  });

  it('tells each exit once, with the status that shells give', async () => {
    const exits: Exit[] = [];
    launcher().onExit((exit) => exits.push(exit));
    await launcher().start(sleeper('killed'));
    expect(await launcher().signal('killed', 9)).toBe(true);
    await vi.waitFor(() => expect(exits).toContainEqual({ id: 'killed', code: 137, signal: 9 }));
    expect(exits.filter(({ id }) => id === 'killed')).toHaveLength(1);
    expect(await launcher().list()).not.toContain('killed');
  });

  it('says that what is gone cannot be signalled', async () => {
    expect(await launcher().signal('never-was', 15)).toBe(false);
  });

  it('refuses to execute in what does not live', async () => {
    await expect(launcher().exec('never-was', ['true'], { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'TOOL_FAILED',
    });
  });
}
