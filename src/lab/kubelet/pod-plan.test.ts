/** One row, one situation: what the record says, and what the plan must be. */
import { expect, test } from 'vitest';
import type { Pod } from '../../kube/types.ts';
import { podPhase } from './pod-phase.ts';
import { planPod } from './pod-plan.ts';
import { type ContainerRecord, newPodRecord, type PodRecord, takeEphemeral } from './pod-record.ts';

const now = 1_000_000;

interface Situation {
  spec?: Partial<NonNullable<Pod['spec']>>;
  /** `name: state` or `name: state code`, e.g. `app: terminated 1`. */
  containers?: Record<string, string>;
  record?: Partial<PodRecord>;
  setUp?: boolean;
  networkReady?: boolean;
}

function situation({
  spec = {},
  containers = {},
  record = {},
  setUp = true,
  networkReady = true,
}: Situation) {
  const pod = {
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'app' }], ...spec },
  } as unknown as Pod;
  const whole = newPodRecord(pod, now - 60_000);
  takeEphemeral(whole, pod);
  Object.assign(whole, setUp ? { sandbox: 'ready', volumes: 'ready' } : {}, record);
  for (const [name, text] of Object.entries(containers)) {
    const container = whole.containers.find((c) => c.name === name)!;
    const [state, code] = text.split(' ') as [ContainerRecord['state'], string | undefined];
    container.state = state;
    container.started = state === 'running';
    if (code !== undefined) {
      const finishedAt = now - 1000;
      container.termination = { exitCode: Number(code), reason: 'Error', startedAt: 0, finishedAt, id: 'x' };
    }
  }
  return { pod, record: whole, now, networkReady };
}

function planned(given: Situation): string[] {
  return planPod(situation(given)).actions.map((action) =>
    'container' in action ? `${action.do} ${action.container}` : action.do,
  );
}

const init = { initContainers: [{ name: 'init' }] };
const sidecar = { initContainers: [{ name: 'proxy', restartPolicy: 'Always' }, { name: 'init' }] };
const debug = { ephemeralContainers: [{ name: 'debug' }] };
const ending = { record: { deletion: { deadline: now + 5000 } } };

test.each<[string, Situation, string[]]>([
  ['a new pod', { setUp: false }, ['prepare-volumes', 'create-sandbox']],
  ['without a network', { setUp: false, networkReady: false }, ['prepare-volumes', 'await-network']],
  [
    'on the host network',
    { setUp: false, networkReady: false, spec: { hostNetwork: true } },
    ['prepare-volumes', 'create-sandbox'],
  ],
  ['volumes still in the making', { record: { volumes: 'making' } }, []],
  ['set up', {}, ['start app']],
  ['running', { containers: { app: 'running' } }, []],
  ['init first', { spec: init }, ['start init']],
  ['init runs', { spec: init, containers: { init: 'running' } }, []],
  ['init done', { spec: init, containers: { init: 'terminated 0' } }, ['initialized', 'start app']],
  ['init failed, restart at once', { spec: init, containers: { init: 'terminated 1' } }, ['start init']],
  [
    'init failed for good',
    { spec: { ...init, restartPolicy: 'Never' }, containers: { init: 'terminated 1' } },
    ['tear-down'],
  ],
  ['sidecar before the next init', { spec: sidecar }, ['start proxy']],
  ['sidecar not started yet', { spec: sidecar, containers: { proxy: 'starting' } }, []],
  ['sidecar started', { spec: sidecar, containers: { proxy: 'running' } }, ['start init']],
  [
    'sidecar died while initializing',
    { spec: sidecar, containers: { proxy: 'terminated 0', init: 'running' } },
    ['start proxy'],
  ],
  [
    'sidecar died later',
    {
      spec: sidecar,
      containers: { proxy: 'terminated 0', init: 'terminated 0', app: 'running' },
      record: { initialized: true },
    },
    ['start proxy'],
  ],
  [
    'done beside a sidecar',
    {
      spec: { ...sidecar, restartPolicy: 'Never' },
      containers: { proxy: 'running', init: 'terminated 0', app: 'terminated 0' },
      record: { initialized: true },
    },
    ['stop proxy'],
  ],
  ['an ephemeral container', { spec: debug, containers: { app: 'running' } }, ['start debug']],
  [
    'an ephemeral one while it initializes',
    { spec: { ...debug, ...init }, containers: { init: 'running' } },
    ['start debug'],
  ],
  ['an ephemeral one ended', { spec: debug, containers: { app: 'running', debug: 'terminated 1' } }, []],
  [
    'an ephemeral one outlives the rest',
    {
      spec: { ...debug, restartPolicy: 'Never' },
      containers: { app: 'terminated 0', debug: 'running' },
    },
    ['stop debug'],
  ],
  ['deleted', { ...ending, containers: { app: 'running' } }, ['stop app']],
  ['deleted while starting', { ...ending, containers: { app: 'starting' } }, []],
  ['deleted, all ended', { ...ending, containers: { app: 'terminated 0' } }, ['tear-down']],
  [
    'deleted while the sandbox is made',
    { record: { deletion: { deadline: now }, sandbox: 'making' }, containers: {} },
    [],
  ],
  [
    'deleted and torn down',
    { record: { deletion: { deadline: now }, sandbox: 'removed' }, containers: {} },
    ['delete-object'],
  ],
  ['gone from the API', { record: { deletion: { deadline: now }, sandbox: 'removed', api: 'gone' } }, []],
  ['over its deadline', { spec: { activeDeadlineSeconds: 60 }, containers: { app: 'running' } }, ['fail']],
  [
    'rejected',
    { setUp: false, record: { verdict: { reason: 'SysctlForbidden', message: '' } } },
    ['tear-down'],
  ],
])('%s', (_name, given, actions) => {
  expect(planned(given)).toEqual(actions);
});

test('a second crash waits for its backoff, and the plan says until when', () => {
  const input = situation({ containers: { app: 'terminated 1' } });
  input.record.containers[0]!.backoff.restarted(0, now - 5000);
  expect(planPod(input)).toEqual({
    actions: [{ do: 'hold', container: 'app', until: now + 9000 }],
    wakeAt: now + 9000,
  });
});

test.each<[string, Situation, string]>([
  ['nothing runs', {}, 'Pending'],
  ['init runs', { spec: init, containers: { init: 'running' } }, 'Pending'],
  [
    'one of two runs',
    { spec: { containers: [{ name: 'app' }, { name: 'b' }] }, containers: { app: 'running' } },
    'Pending',
  ],
  ['all run', { containers: { app: 'running' } }, 'Running'],
  ['crashed, will restart', { containers: { app: 'terminated 1' } }, 'Running'],
  ['restarting', { containers: { app: 'starting 1' } }, 'Running'],
  ['succeeded', { spec: { restartPolicy: 'OnFailure' }, containers: { app: 'terminated 0' } }, 'Succeeded'],
  [
    'failed, OnFailure',
    { spec: { restartPolicy: 'OnFailure' }, containers: { app: 'terminated 1' } },
    'Running',
  ],
  ['failed, Never', { spec: { restartPolicy: 'Never' }, containers: { app: 'terminated 1' } }, 'Failed'],
  ['deleted, ended well', { ...ending, containers: { app: 'terminated 0' } }, 'Succeeded'],
  ['deleted, killed', { ...ending, containers: { app: 'terminated 137' } }, 'Failed'],
  ['deadline', { record: { verdict: { reason: 'DeadlineExceeded', message: '' } } }, 'Failed'],
])('the phase when: %s', (_name, given, phase) => {
  const { pod, record } = situation(given);
  expect(podPhase(pod, record)).toBe(phase);
});
