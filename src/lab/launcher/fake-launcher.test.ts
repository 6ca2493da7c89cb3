import { describe } from 'vitest';
import { FakeLauncher } from './fake-launcher.ts';
import { launcherCases } from './launcher.cases.ts';

describe('the launcher of tests', () => {
  const launcher = new FakeLauncher();
  launcherCases({
    launcher: () => launcher,
    sleeper: (id) => ({ id, argv: ['sleep', '1000'], env: {}, cgroup: '/cgroup' }),
  });
});
