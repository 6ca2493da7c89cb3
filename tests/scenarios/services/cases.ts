/** All cases; the number of a case gives its Service's name, ports and addresses. */
import type { SemanticCase } from './case.ts';
import { addressCases } from './cases-addresses.ts';
import { endpointCases } from './cases-endpoints.ts';
import { policyCases } from './cases-policies.ts';

export const cases: readonly SemanticCase[] = [...policyCases, ...endpointCases, ...addressCases];
