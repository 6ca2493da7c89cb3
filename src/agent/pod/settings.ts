/**
 * What an agent in a pod may be told (a ConfigMap's file), beside what it learns from its Node, the kubelet's kubeconfig
 * and the API: everything is optional.
 */
import { readFileSync } from 'node:fs';
import { TendrilError } from '../../util/errors.ts';
import { type AgentConfig, isServer } from '../config.ts';

export interface PodSettings
  extends Partial<
    Pick<
      AgentConfig,
      | 'uplink'
      | 'xdp'
      | 'podForwarding'
      | 'serviceCidrs'
      | 'clusterPodCidrs'
      | 'startupTaint'
      | 'healthzPort'
      | 'nodePortAddresses'
      | 'dnsFastPath'
      | 'mapSizes'
      | 'cniConfDirectory'
      | 'cniBinDirectory'
    >
  > {
  /** `https://host:port`, where the kubelet's kubeconfig does not tell; tried in order. */
  apiServers?: string[];
}

const known: Record<keyof PodSettings, true> = {
  uplink: true,
  xdp: true,
  podForwarding: true,
  serviceCidrs: true,
  clusterPodCidrs: true,
  startupTaint: true,
  healthzPort: true,
  nodePortAddresses: true,
  dnsFastPath: true,
  mapSizes: true,
  cniConfDirectory: true,
  cniBinDirectory: true,
  apiServers: true,
};

/** @throws TendrilError BAD_INPUT; what the values may be is checked with the whole configuration */
export function parsePodSettings(text: string): PodSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TendrilError('BAD_INPUT', "the agent's settings are no JSON", { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TendrilError('BAD_INPUT', "the agent's settings are not an object");
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(known, key));
  if (unknown.length > 0)
    throw new TendrilError(
      'BAD_INPUT',
      `the agent's settings have ${unknown.join(', ')}, which nobody reads`,
      {
        remedy: `There are: ${Object.keys(known).join(', ')}.`,
      },
    );
  const { apiServers = [] } = value as PodSettings;
  if (!Array.isArray(apiServers) || !apiServers.every(isServer))
    throw new TendrilError('BAD_INPUT', "the agent's settings have apiServers that are no list of URLs");
  return value as PodSettings;
}

/** @throws TendrilError BAD_INPUT */
export function loadPodSettings(path: string | undefined): PodSettings {
  if (path === undefined) return {};
  try {
    return parsePodSettings(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof TendrilError) throw cause;
    throw new TendrilError('BAD_INPUT', `the agent's settings ${path} cannot be read`, { cause });
  }
}
