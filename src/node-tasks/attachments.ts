/** Which pods the node's agent has wired: asked of itself, which tells its own node alone. */
import { askAgent } from './agent-status.ts';

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
export async function attachments({ statusPort }: { statusPort?: number }): Promise<AttachmentsReport> {
  const { pods = [] } = await askAgent<AgentStatus>(statusPort);
  return {
    pods: pods.map(({ ips, note: { namespace = '', pod = '', uid = '', former } }) => ({
      ...{ namespace, pod, uid, ips },
      ...(former !== undefined && { former: true as const }),
    })),
  };
}
