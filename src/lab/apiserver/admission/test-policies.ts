/** Policies and bindings for tests, short to write. */
import type { JsonObject } from '../json.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
export const policies = `${group}/validatingadmissionpolicies`;
export const bindings = `${group}/validatingadmissionpolicybindings`;

export const policyRule = {
  operations: ['CREATE', 'UPDATE'],
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources: ['pods', 'deployments'],
};

export const policyOf = (spec: JsonObject, name = 'p') => ({
  metadata: { name },
  spec: { matchConstraints: { resourceRules: [policyRule] }, ...spec },
});

export const bindingOf = (spec: JsonObject = {}, name = 'b') => ({
  metadata: { name },
  spec: { policyName: 'p', validationActions: ['Deny'], ...spec },
});

export const mutatingPolicies = `${group}/mutatingadmissionpolicies`;
export const mutatingBindings = `${group}/mutatingadmissionpolicybindings`;

export const mutatingPolicyOf = (spec: JsonObject, name = 'p') =>
  policyOf({ reinvocationPolicy: 'Never', ...spec }, name);

export const mutatingBindingOf = (spec: JsonObject = {}, name = 'b') => ({
  metadata: { name },
  spec: { policyName: 'p', ...spec },
});

export const applied = (expression: string) => ({
  patchType: 'ApplyConfiguration',
  applyConfiguration: { expression },
});

export const patched = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });
