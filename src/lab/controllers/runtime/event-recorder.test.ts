import { expect, test, vi } from 'vitest';
import { FakeClient } from '../../../kube/client/fake-client.ts';
import { resources } from '../../../kube/resources.ts';
import { FakeClock } from '../../../util/clock.ts';
import { silentLogger } from '../../../util/logger.ts';
import { pod } from '../test-objects.ts';
import { createEventRecorder } from './event-recorder.ts';

const text = {
  type: 'Normal' as const,
  reason: 'Scheduled',
  message: 'to n1',
  component: 'default-scheduler',
};

test('the same event again raises the count of the first; another is another', async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const client = new FakeClient({ clock });
  const recorder = createEventRecorder({ client, clock, logger: silentLogger });
  const about = pod('a');
  for (let i = 0; i < 3; i++) recorder.record(about, text);
  recorder.record(about, { ...text, message: 'to n2' });
  await vi.waitFor(() => {
    const events = client.objects(resources.events);
    expect(events.map(({ message, count }) => `${message} ${count}`).sort()).toEqual(['to n1 3', 'to n2 1']);
    expect(events[0]).toMatchObject({
      metadata: { namespace: 'default', name: expect.stringMatching(/^a\.[0-9a-f]+$/) },
      involvedObject: { kind: 'Pod', name: 'a', uid: 'uid-a', namespace: 'default' },
      source: { component: 'default-scheduler' },
      firstTimestamp: '2026-01-01T00:00:00Z',
    });
  });
});

test('an event that cannot be written disturbs nobody, and the next one is tried again', async () => {
  const clock = new FakeClock();
  const client = new FakeClient({ clock });
  const recorder = createEventRecorder({ client, clock, logger: silentLogger });
  client.intercept = () => {
    throw new Error('away');
  };
  recorder.record(pod('a'), text);
  await new Promise((resolve) => setImmediate(resolve));
  client.intercept = () => {};
  recorder.record(pod('a'), text);
  await vi.waitFor(() => expect(client.objects(resources.events)).toHaveLength(1));
});
