/** What admission works with. */
import type { Authorizer } from '../auth/rbac.ts';
import type { ResourceRegistry } from '../registry/resource-registry.ts';
import type { Storage } from '../storage/storage.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';

export interface AdmissionParts {
  storage: Storage;
  resources: ResourceRegistry;
  authorizer: Authorizer;
  webhooks: WebhookClient;
  /** Told of what fails and is passed over. */
  ignored(problem: string): void;
}

/** Where what a webhook or policy has to say to the client goes. */
export type Warn = (text: string) => void;
