import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'labs-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

/** The module reads TENDRIL_RUN once, when it is loaded. */
const stateIn = async (run: string) => {
  vi.resetModules();
  vi.stubEnv('TENDRIL_RUN', run);
  return await import('./lab-state.ts');
};

const whole = JSON.stringify({ name: 'shop', nodes: [], program: '/program' });

const writeConfig = (text: string) => {
  mkdirSync(join(directory, 'shop'));
  writeFileSync(join(directory, 'shop', 'lab.json'), text);
};

describe('the configuration of a lab', () => {
  test('is read', async () => {
    writeConfig(whole);
    const { requireLabConfig } = await stateIn(directory);
    expect(requireLabConfig('shop').name).toBe('shop');
  });

  test.each([whole.slice(0, 20), '', 'null', '{}', '[]'])(
    '%j is not whole: down is what helps',
    async (text) => {
      writeConfig(text);
      const { readLabConfig, requireLabConfig } = await stateIn(directory);
      expect(() => requireLabConfig('shop')).toThrow(
        expect.objectContaining({
          code: 'LAB_DAMAGED',
          message: expect.stringContaining(join(directory, 'shop', 'lab.json')),
          remedy: expect.stringContaining('tendril down --name shop'),
        }),
      );
      expect(readLabConfig('shop')).toBeUndefined();
    },
  );

  test('a directory without one is that of a lab that comes up, or of remains', async () => {
    mkdirSync(join(directory, 'shop'));
    const { requireLabConfig } = await stateIn(directory);
    expect(() => requireLabConfig('shop')).toThrow(expect.objectContaining({ code: 'LAB_UNREACHABLE' }));
  });

  test('no directory: the labs that there are', async () => {
    writeConfig(whole);
    const { requireLabConfig } = await stateIn(directory);
    expect(() => requireLabConfig('other')).toThrow(
      expect.objectContaining({ code: 'LAB_MISSING', remedy: expect.stringContaining('There is: shop.') }),
    );
  });
});

test('TENDRIL_RUN may be relative', async () => {
  expect((await stateIn(relative(process.cwd(), directory))).labsDirectory).toBe(directory);
});

describe('what no lab made', () => {
  const make = (...names: string[]) => {
    for (const name of names) mkdirSync(join(directory, name), { recursive: true });
  };

  test('is no lab: down takes neither it nor what is empty beside it', async () => {
    make('home/somebody', 'empty');
    const { labNames, isForeign } = await stateIn(directory);
    expect([isForeign('home'), isForeign('empty'), isForeign('absent')]).toEqual([true, false, false]);
    expect(labNames([join(directory, 'cgroups')])).toEqual([]);
  });

  test('is not there: an empty directory is what an up left that was killed at once', async () => {
    make('killed');
    const { labNames } = await stateIn(directory);
    expect(labNames(['/nonesuch'])).toEqual(['killed']);
  });

  test('is told from a cgroup of labs by its name', async () => {
    make('run/system.slice', 'cgroups/system.slice/service', 'cgroups/tendril-system.slice/left');
    const { labNames } = await stateIn(join(directory, 'run/system.slice'));
    expect(labNames([join(directory, 'cgroups')])).toEqual(['left']);
  });
});
