/** Deaths and restarts of agents, as Events on their nodes: `kubectl describe node` tells them. */
import { resources } from '../../kube/resources.ts';
import { systemClock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { createEventRecorder, type EventText } from '../controllers/runtime/event-recorder.ts';
import type { AgentChange, AgentsOptions } from './agents.ts';
import type { ControlPlane } from './control-plane.ts';

const component = 'tendril-lab';
/** Of exit statuses: 128 and the signal's number, as a shell gives them. */
const signalBase = 128;

/** Pure: what the Event says. */
export function agentEvent(change: AgentChange): EventText {
  if (change.type === 'restarted') {
    const message = `Agent was started again (restarts: ${change.restarts})`;
    return { type: 'Normal', reason: 'AgentStarted', message, component };
  }
  const { code } = change;
  const how =
    code > signalBase ? `was killed by signal ${code - signalBase}` : `ended with exit status ${code}`;
  const message = `Agent ${how}; the pinned datapath goes on without it`;
  return { type: 'Warning', reason: 'AgentDied', message, component };
}

export function agentEvents(
  { client, informers }: Pick<ControlPlane, 'client' | 'informers'>,
  logger: Logger,
): NonNullable<AgentsOptions['onChange']> {
  const recorder = createEventRecorder({ client, clock: systemClock, logger });
  const nodes = informers.store(resources.nodes);
  return (name, change) => {
    const node = nodes.get(name);
    if (node === undefined) return;
    // Objects of a list carry no kind; the Event's reference needs one.
    recorder.record({ ...node, apiVersion: 'v1', kind: 'Node' }, agentEvent(change));
  };
}
