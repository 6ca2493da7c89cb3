/** The expressions' engine, loaded with the first webhook or policy that needs it: most labs have none. */
export type AdmissionEngine = typeof import('./expressions.ts') &
  typeof import('./authorizer-library.ts') &
  typeof import('./patch-types.ts');

let engine: AdmissionEngine | undefined;

export async function loadAdmissionEngine(): Promise<AdmissionEngine> {
  engine ??= {
    ...(await import('./expressions.ts')),
    ...(await import('./authorizer-library.ts')),
    ...(await import('./patch-types.ts')),
  };
  return engine;
}

/** It has to be loaded: requests see to that before such objects are written. */
export function loadedAdmissionEngine(): AdmissionEngine {
  if (engine === undefined) throw new Error("the engine of admission's expressions is not loaded");
  return engine;
}
