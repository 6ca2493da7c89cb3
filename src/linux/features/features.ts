/** Kernel features, tried and not guessed from the version: distributions leave out and add what they like. */
import { describeError, TendrilError } from '../../util/errors.ts';
import { KernelError } from '../errno.ts';
import { catalogue, type Feature, type FeatureName } from './catalogue.ts';

export type { FeatureName } from './catalogue.ts';

export interface FeatureReport {
  feature: FeatureName;
  available: boolean;
  /** The first kernel version that has it, where its options are built in. */
  minimumKernel: string;
  remedy: string;
  /** What the kernel answered, where it is missing. */
  reason?: string;
}

const answers = new Map<FeatureName, Promise<FeatureReport>>();

/** Tries the features, each once in a process, in the given order; all there are unless named. Needs root. Never throws. */
export async function probeFeatures(
  names: readonly FeatureName[] = Object.keys(catalogue) as FeatureName[],
): Promise<FeatureReport[]> {
  const reports: FeatureReport[] = [];
  for (const name of names) {
    const answer = answers.get(name) ?? probeOne(name, catalogue[name]);
    answers.set(name, answer);
    reports.push(await answer);
  }
  return reports;
}

/** Tries one feature, without the memory. */
export async function probeOne(name: FeatureName, feature: Feature): Promise<FeatureReport> {
  const { minimumKernel, remedy } = feature;
  try {
    await feature.probe();
    return { feature: name, available: true, minimumKernel, remedy };
  } catch (error) {
    const denied = error instanceof KernelError && error.errnoName === 'EPERM';
    return {
      feature: name,
      available: false,
      minimumKernel,
      remedy: denied ? 'run with all of root’s capabilities (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_BPF)' : remedy,
      reason: describeError(error),
    };
  }
}

/**
 * Before anything is changed: all that is needed, or one error that names all that is missing.
 * @throws TendrilError KERNEL_FEATURE
 */
export async function requireFeatures(names: readonly FeatureName[]): Promise<void> {
  const missing = (await probeFeatures(names)).filter(({ available }) => !available);
  if (missing.length > 0) throw missingFeatures(missing);
}

export function missingFeatures(missing: readonly FeatureReport[]): TendrilError {
  const list = missing.map(
    ({ feature, minimumKernel, reason }) => `${feature} (Linux ${minimumKernel}; ${reason})`,
  );
  const remedy = missing.map(({ feature, remedy }) => `${feature}: ${remedy}`).join('; ');
  return new TendrilError('KERNEL_FEATURE', `this kernel lacks ${list.join(', ')}`, { remedy });
}
