/**
 * A program made with client-go keeps caches of many objects while they change, the server crashes and comes back, and
 * one reader stops for most of the time. Short unless TENDRIL_SCALE is `full`: then 20,000 objects, and 500 changes a second for a minute.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { ApiProcess } from './support/api-process.ts';
import { goClient } from './support/go-programs.ts';

const full = process.env.TENDRIL_SCALE === 'full';
/** A reader that stops for most of the time is further behind then than the server keeps for it, and remembers. */
const size = full
  ? { objects: 20_000, perSecond: 500, seconds: 60, bytes: 2000, logLength: 4096 }
  : { objects: 2000, perSecond: 500, seconds: 10, bytes: 20_000, logLength: 500 };

interface Follower {
  name: string;
  Lists: number;
  Watches: number;
  Expired: number;
  Added: number;
  Changed: number;
  Removed: number;
  LagP50: number;
  LagP99: number;
  LagWorst: number;
}

interface Report {
  Objects: number;
  Written: number;
  Failed: number;
  FillSeconds: number;
  PerSecond: number;
  /** From the last change until all was listed, whole and in pages, and until every cache was as the list. */
  ListedMs: number;
  SettledMs: number;
  Followers: Follower[];
  Faults: string[] | null;
}

const program = goClient('informers');

/** Runs it against a server; after each third of the changes but the last it waits for `meanwhile`. */
async function follow(
  api: ApiProcess,
  env: Record<string, string>,
  meanwhile = async () => {},
): Promise<Report> {
  const { objects, perSecond, seconds, bytes } = size;
  const argv = ['-objects', objects, '-rate', perSecond, '-for', `${seconds}s`, '-bytes', bytes].map(String);
  const child = spawn(program!, argv, {
    env: { ...process.env, KUBECONFIG: api.kubeconfig, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  using _ended = endWith(child);
  let last = 'nothing';
  for await (const line of createInterface({ input: child.stdout! })) {
    last = line;
    if (line === 'a third') await meanwhile();
  }
  const report = JSON.parse(last) as Report;
  tell(report);
  return report;
}

const endWith = (child: ChildProcess): Disposable => ({
  [Symbol.dispose]: () => void child.kill('SIGKILL'),
});

function tell({ Followers, ...rest }: Report): void {
  console.log(JSON.stringify(rest));
  for (const follower of Followers) console.log(JSON.stringify(follower));
}

describe.skipIf(program === undefined)(`caches of ${size.objects} objects that change`, () => {
  test.each([
    ['that begin with a watch', 'true'],
    ['that begin with a list', 'false'],
  ])('%s end as a fresh list is', { timeout: (size.seconds + 240) * 1000 }, async (_how, watchList) => {
    await using api = await ApiProcess.start({ logLength: size.logLength });
    const report = await follow(api, { KUBE_FEATURE_WatchListClient: watchList });
    console.log(JSON.stringify(await api.report()));
    expect(report.Faults).toBeNull();
    expect(report.Failed).toBe(0);
    const [all, odd, slow] = report.Followers;
    // How fast it goes, and whether others keep up, is not for a short test to say: the machine may have other work.
    if (full) expect(report.PerSecond).toBeGreaterThan(size.perSecond * 0.9);
    if (full) expect([all!.Expired, odd!.Expired]).toEqual([0, 0]);
    expect(slow!.Expired, 'the slow reader is cut off, and what it has missed is forgotten').toBeGreaterThan(
      0,
    );
  });

  test('survive a server that crashes twice, and it has all that it has answered', {
    timeout: (size.seconds + 240) * 1000,
  }, async () => {
    await using api = await ApiProcess.start({ logLength: size.logLength, keepsState: true });
    const report = await follow(api, {}, () => api.crash());
    expect(report.Faults).toBeNull();
    for (const { name, Watches } of report.Followers) expect([name, Watches > 2]).toEqual([name, true]);
  });
});
