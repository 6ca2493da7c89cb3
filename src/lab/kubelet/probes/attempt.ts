/** Carries out one probe attempt from the node's network namespace, or inside the container. */
import type { Probe } from '../../../kube/types.ts';
import { errno, isErrno } from '../../../linux/errno.ts';
import type { ContainerLaunch } from '../container-launch.ts';
import type { NodeContext } from '../node-context.ts';
import { grpcProbe } from './grpc-probe.ts';
import { type Dial, httpProbe, type ProbeResult } from './http-probe.ts';
import { type ProbeAction, probeAction } from './probe-action.ts';

export interface AttemptContext {
  context: NodeContext;
  launch: ContainerLaunch;
  container: Parameters<typeof probeAction>[1]['container'];
  podIp: string;
  startedAt: number;
}

/** How long a server may take from its start to its first listen without that counting as a failure. */
const settleMs = 500;
const settleStepMs = 10;

/** @throws what the connection or the launcher throws */
export async function attemptProbe(
  probe: Probe,
  at: AttemptContext,
  timeoutMs: number,
): Promise<ProbeResult> {
  const standIn = at.launch.image.standIn ? at.launch.ports : undefined;
  const action = probeAction(probe, { container: at.container, podIp: at.podIp, standIn });
  return carryOut(action, at, timeoutMs);
}

export async function carryOut(
  action: ProbeAction,
  at: AttemptContext,
  timeoutMs: number,
): Promise<ProbeResult> {
  const dial = dialFrom(at);
  switch (action.do) {
    case 'nothing':
      return { ok: true, message: '' };
    case 'http':
      return httpProbe(action.url, dial, timeoutMs);
    case 'grpc':
      return grpcProbe(action, dial, timeoutMs);
    case 'tcp': {
      const socket = await dial({ ip: action.host, port: action.port, timeoutMs });
      socket.destroy();
      return { ok: true, message: '' };
    }
    case 'exec': {
      const result = await at.context.launcher.exec(at.launch.spec.id, action.command, { timeoutMs });
      return { ok: result.code === 0, message: (result.stdout + result.stderr).slice(0, 1024).trim() };
    }
  }
}

/**
 * Connects from the node. A stand-in that was started a moment ago is given the time to listen: it stands for a server
 * whose readiness the manifest describes, and must not cost a probe period that the real one would not.
 */
function dialFrom({ context, launch, startedAt }: AttemptContext): Dial {
  return async (to) => {
    for (;;) {
      try {
        return await context.host.connect(context.paths.netns, to);
      } catch (error) {
        const refused = isErrno(error, errno.ECONNREFUSED);
        const fresh = context.clock.now() - startedAt < settleMs;
        if (!refused || !fresh || !launch.image.standIn) throw error;
        await context.clock.sleep(settleStepMs);
      }
    }
  };
}
