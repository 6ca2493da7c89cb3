/** All that two API servers are asked. */
import type { Case } from '../case.ts';
import { accessCases } from './access.ts';
import { applyCases } from './apply.ts';
import { bodyCases } from './bodies.ts';
import { customObjectCases } from './custom-objects.ts';
import { customRuleCases } from './custom-rules.ts';
import { deletionCases } from './deletion.ts';
import { kindCases } from './kinds.ts';
import { patchCases } from './patches.ts';
import { pathCases } from './paths.ts';
import { readCases } from './reads.ts';
import { refusedDefinitionCases } from './refused-definitions.ts';

export const cases: Record<string, Case[]> = {
  apply: applyCases,
  patches: patchCases,
  bodies: bodyCases,
  reads: readCases,
  deletion: deletionCases,
  kinds: kindCases,
  access: accessCases,
  paths: pathCases,
  'custom-objects': customObjectCases,
  'custom-rules': customRuleCases,
  'refused-definitions': refusedDefinitionCases,
};
