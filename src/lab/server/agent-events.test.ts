import { expect, test } from 'vitest';
import { agentEvent } from './agent-events.ts';

test.each([
  [{ type: 'died', code: 137 }, 'Warning', 'AgentDied', /killed by signal 9;/],
  [{ type: 'died', code: 1 }, 'Warning', 'AgentDied', /ended with exit status 1;/],
  [{ type: 'restarted', restarts: 3 }, 'Normal', 'AgentStarted', /restarts: 3/],
] as const)('%j', (change, type, reason, message) => {
  expect(agentEvent(change)).toMatchObject({ type, reason, message: expect.stringMatching(message) });
});
