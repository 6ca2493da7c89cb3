/** Tendril on a real cluster as one manifest: deploy/tendril.yaml is this with the defaults (scripts/deploy.ts). */
import { stringify } from '../util/yaml.ts';
import { accessObjects } from './access-objects.ts';
import { agentCapabilities, agentObjects } from './agent-objects.ts';
import { dnsObjects } from './dns-objects.ts';
import type { DeployValues } from './values.ts';

const head = `# Tendril's objects on a cluster, made by scripts/deploy.ts: kubectl apply -f deploy/tendril.yaml
# They replace nothing: what a cluster has of a network, of kube-proxy and of cluster DNS is to be removed first.
`;

/** In the order in which they are applied. */
export function deployObjects(values: DeployValues): object[] {
  return [...accessObjects(), ...agentObjects(values), ...dnsObjects(values)];
}

export function renderManifest(values: DeployValues): string {
  const documents = deployObjects(values).map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return head + documents.map((text) => `---\n${withReasons(text)}`).join('');
}

/** Behind each of the agent's capabilities what it is for. */
function withReasons(text: string): string {
  return text.replaceAll(/^(\s+- )([A-Z_]+)$/gm, (line, before: string, capability: string) => {
    const reason = agentCapabilities[capability];
    return reason === undefined ? line : `${before}${capability} # ${reason}`;
  });
}
