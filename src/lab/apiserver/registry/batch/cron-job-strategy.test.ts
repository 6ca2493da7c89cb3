import { expect, test } from 'vitest';
import { container, mergePatch, useTestServer } from '../../test-server.ts';

const { call } = useTestServer();
const path = '/apis/batch/v1/namespaces/default/cronjobs';
const jobTemplate = { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } };
const create = (spec: object, name = 'x') =>
  call('POST', path, { metadata: { name }, spec: { schedule: '* * * * *', jobTemplate, ...spec } });

test('what is left out is filled in', async () => {
  const made = await create({});
  expect(made).toMatchObject({
    code: 201,
    spec: {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    },
  });
  expect(made).not.toHaveProperty('warnings.0');
  // A Job's own defaults are filled in when it is made.
  expect(made.spec.jobTemplate.spec).not.toHaveProperty('backoffLimit');
  expect(made.spec.jobTemplate.spec.template.spec).toMatchObject({ dnsPolicy: 'ClusterFirst' });
});

test.each<[object, string, string]>([
  [{ schedule: '' }, 'spec.schedule', 'Required value'],
  [{ schedule: '* * *' }, 'spec.schedule', 'expected exactly 5 fields, found 3: [* * *]'],
  [
    { schedule: 'TZ=UTC * * * * *' },
    'spec.schedule',
    'cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
  ],
  [{ timeZone: '' }, 'spec.timeZone', 'timeZone must be nil or non-empty string'],
  [{ timeZone: 'Nowhere/Else' }, 'spec.timeZone', 'unknown time zone Nowhere/Else'],
  [{ timeZone: '+01' }, 'spec.timeZone', 'unknown time zone +01'],
  [{ timeZone: 'local' }, 'spec.timeZone', 'must be an explicit time zone'],
  [
    { concurrencyPolicy: 'Queue' },
    'spec.concurrencyPolicy',
    'supported values: "Allow", "Forbid", "Replace"',
  ],
  [{ startingDeadlineSeconds: -1 }, 'spec.startingDeadlineSeconds', 'must be greater than or equal to 0'],
  [{ failedJobsHistoryLimit: -1 }, 'spec.failedJobsHistoryLimit', 'must be greater than or equal to 0'],
  [
    { jobTemplate: { spec: { ...jobTemplate.spec, selector: {} } } },
    'spec.jobTemplate.spec.selector',
    'auto-generated',
  ],
  [
    { jobTemplate: { spec: { ...jobTemplate.spec, parallelism: -1 } } },
    'spec.jobTemplate.spec.parallelism',
    'must be greater',
  ],
])('%j is refused', async (spec, field, message) => {
  const { code, details } = await create(spec);
  expect({ code, causes: details.causes }).toEqual({
    code: 422,
    causes: [{ reason: expect.any(String), field, message: expect.stringContaining(message) }],
  });
});

test('a name must leave room for the names of Jobs', async () => {
  expect(await create({}, 'x'.repeat(53))).toMatchObject({
    code: 422,
    message: expect.stringContaining('must be no more than 52 characters'),
  });
});

test('a change of the template is counted', async () => {
  await create({});
  const changed = await call('PATCH', `${path}/x`, { spec: { suspend: true } }, mergePatch);
  expect(changed).toMatchObject({ metadata: { generation: 2 }, spec: { suspend: true } });
});
