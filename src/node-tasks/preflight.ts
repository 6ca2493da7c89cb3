/** Looks at a node before anything of Tendril is put there: what its kernel has. Changes nothing. */
import { release } from 'node:os';
import { type FeatureName, type FeatureReport, probeFeatures } from '../linux/features/features.ts';

/** Without which there are no pods or no Services. */
export const neededFeatures = [
  ...(['cgroup2', 'bpffs', 'cgroup-sock-addr', 'clsact', 'nf-tables', 'veth'] as const),
  ...(['sock-ops', 'sk-msg', 'so-netns-cookie'] as const),
] satisfies FeatureName[];

export interface PreflightReport {
  /** As uname tells. */
  kernel: string;
  /** Of the needed ones, those that are missing. */
  missing: FeatureReport[];
}

export async function preflight(): Promise<PreflightReport> {
  const features = await probeFeatures(neededFeatures);
  return { kernel: release(), missing: features.filter(({ available }) => !available) };
}
