/** Which sysctls a pod may set: those of its own network namespace. */
import type { Pod } from '../../kube/types.ts';

export interface SysctlPlan {
  /** With dots. */
  values: Record<string, string>;
  /** Why the pod must be rejected with SysctlForbidden. */
  forbidden?: string;
}

export function podSysctls(pod: Pod): SysctlPlan {
  const values: Record<string, string> = {};
  for (const { name, value } of pod.spec?.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.');
    const problem = problemOf(dotted, pod.spec?.hostNetwork ?? false);
    if (problem) return { values: {}, forbidden: `forbidden sysctl: "${dotted}" ${problem}` };
    // Safe by Kubernetes' list, but of the IPC namespace, which a lab's containers have each to themselves.
    if (dotted !== 'kernel.shm_rmid_forced') values[dotted] = value;
  }
  return { values };
}

function problemOf(name: string, hostNetwork: boolean): string | undefined {
  if (name.includes('..') || !/^[a-z0-9_.\-*]+$/i.test(name)) return 'is not a sysctl name';
  if (name === 'kernel.shm_rmid_forced') return undefined;
  if (!name.startsWith('net.')) return 'not allowlisted';
  return hostNetwork ? 'not allowed with host net enabled' : undefined;
}
