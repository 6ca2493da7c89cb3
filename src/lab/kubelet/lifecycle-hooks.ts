/** postStart and preStop: a command inside the container, a request from the node, or a pause. */
import type { Container } from '../../kube/types.ts';
import type { AttemptContext } from './probes/attempt.ts';
import { carryOut } from './probes/attempt.ts';
import type { ProbeResult } from './probes/http-probe.ts';
import { httpTarget } from './probes/probe-action.ts';

export type Hook = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

const done: ProbeResult = { ok: true, message: '' };

/** Runs the hook; one that a stand-in cannot run is passed over. Never throws. */
export async function runHook(hook: Hook, at: AttemptContext, timeoutMs: number): Promise<ProbeResult> {
  try {
    if (hook.sleep) {
      await at.context.clock.sleep(Math.min(hook.sleep.seconds * 1000, timeoutMs));
      return done;
    }
    if (hook.exec) {
      if (at.launch.image.standIn) return done;
      return await carryOut({ do: 'exec', command: hook.exec.command ?? [] }, at, timeoutMs);
    }
    if (!hook.httpGet) return done;
    const url = httpTarget(hook.httpGet, { container: at.container, podIp: at.podIp });
    return await carryOut({ do: 'http', url }, at, timeoutMs);
  } catch (error) {
    return { ok: false, message: (error as Error).message };
  }
}
