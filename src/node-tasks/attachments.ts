/** Which pods the node's agent has wired: asked of itself, which tells its own node alone. */
import { describeError, TendrilError } from '../util/errors.ts';

export interface AttachmentsReport {
  pods: {
    namespace: string;
    pod: string;
    uid: string;
    ips: string[];
    /** Another network plugin wired it. There may be no pod any more: its files outlive what ends with the power. */
    former?: true;
  }[];
}

interface AgentStatus {
  pods?: { ips: string[]; note: Record<string, string> }[];
}

/** @throws TendrilError NOT_READY where no agent answers */
export async function attachments({
  statusPort = 9879,
}: {
  statusPort?: number;
}): Promise<AttachmentsReport> {
  const { pods = [] } = await askAgent(statusPort);
  return {
    pods: pods.map(({ ips, note: { namespace = '', pod = '', uid = '', former } }) => ({
      ...{ namespace, pod, uid, ips },
      ...(former !== undefined && { former: true as const }),
    })),
  };
}

async function askAgent(port: number): Promise<AgentStatus> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/status`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return (await response.json()) as AgentStatus;
  } catch (cause) {
    throw new TendrilError('NOT_READY', `the agent does not answer: ${describeError(cause)}`, {
      cause,
      remedy: 'See the log of its pod in tendril-system.',
    });
  }
}
