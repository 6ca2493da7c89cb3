/** The webhooks that are configured, in the order in which they are asked: by the names of their configurations. */
import type { KubeObject } from '../../../../kube/meta.ts';
import type { JsonObject } from '../../json.ts';
import type { Resource } from '../../registry/resource.ts';
import type { Storage } from '../../storage/storage.ts';
import type { WebhookClientConfig } from '../../webhooks/client-config.ts';
import { loadAdmissionEngine } from '../cel/engine.ts';
import { MatchConditions } from '../match-conditions.ts';
import type { MatchCondition } from '../registration/match-condition-validation.ts';
import type { Rule } from '../rules.ts';
import { compileSelectors, type Selectors } from '../selectors.ts';

export interface Hook {
  /** Tells it from others of the same name. */
  uid: string;
  mutating: boolean;
  name: string;
  rules: Rule[];
  matchPolicy: string;
  failurePolicy: 'Fail' | 'Ignore';
  sideEffects: string;
  timeoutSeconds: number;
  reinvocationPolicy: string | undefined;
  reviewVersions: string[];
  clientConfig: WebhookClientConfig;
  selectors: Selectors;
  conditions(): Promise<MatchConditions | undefined>;
}

/** A webhook that wants to know of a request, and under which resource. */
export interface Invocation {
  hook: Hook;
  resource: Resource;
}

const known = new WeakMap<KubeObject, Hook[]>();

function hooksIn(configuration: KubeObject & JsonObject, mutating: boolean): Hook[] {
  let hooks = known.get(configuration);
  if (hooks === undefined) {
    hooks = ((configuration.webhooks ?? []) as JsonObject[]).map((webhook, i) =>
      hookOf(webhook, `${configuration.metadata.name}/${webhook.name}/${i}`, mutating),
    );
    known.set(configuration, hooks);
  }
  return hooks;
}

function hookOf(webhook: JsonObject, uid: string, mutating: boolean): Hook {
  const wanted = (webhook.matchConditions ?? []) as MatchCondition[];
  let conditions: MatchConditions | undefined;
  return {
    uid,
    mutating,
    name: webhook.name,
    rules: webhook.rules ?? [],
    matchPolicy: webhook.matchPolicy,
    failurePolicy: webhook.failurePolicy,
    sideEffects: webhook.sideEffects,
    timeoutSeconds: webhook.timeoutSeconds,
    reinvocationPolicy: webhook.reinvocationPolicy,
    reviewVersions: webhook.admissionReviewVersions ?? [],
    clientConfig: webhook.clientConfig,
    selectors: compileSelectors(webhook),
    async conditions() {
      if (wanted.length === 0) return undefined;
      const { AdmissionCompiler } = await loadAdmissionEngine();
      conditions ??= new MatchConditions(wanted, new AdmissionCompiler({ params: false }));
      return conditions;
    },
  };
}

const group = 'admissionregistration.k8s.io';

export function hooksOf(storage: Storage, kind: 'mutating' | 'validating'): Hook[] {
  return storage
    .list(`${group}/${kind}webhookconfigurations`)
    .flatMap((configuration) => hooksIn(configuration, kind === 'mutating'));
}
