/**
 * Dynamic admission: the webhooks and policies that are stored in the API are asked about every write, deletion and
 * connection that their rules are about.
 *
 *     request ──► mutating policies ──► mutating webhooks ──► (defaults, validation) ──► policies ──► validating webhooks
 *                          ▲                   │ once more, where one of them changed the object                   ▼
 *                          └───────────────────┘                                                                storage
 */
import type { JsonObject } from '../json.ts';
import type { AdmissionParts } from './admission-context.ts';
import { type AdmissionRequest, isExempt, type ObjectStates } from './attributes.ts';
import { askPolicies } from './policy/dispatch.ts';
import { applyMutatingPolicies } from './policy/mutate.ts';
import { type PolicyInvocation, policiesOf } from './policy/policies.ts';
import { Reinvocation } from './reinvocation.ts';
import { matchRules } from './rules.ts';
import { hooksOf, type Invocation } from './webhook/hooks.ts';
import { askMutatingHooks } from './webhook/mutating.ts';
import { askValidatingHooks } from './webhook/validating.ts';

const configured = [
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'mutatingadmissionpolicybindings',
  'validatingadmissionpolicybindings',
].map((plural) => `admissionregistration.k8s.io/${plural}`);

/** As long as kube-apiserver works on a request. */
const requestTimeoutMs = 34_000;

export class DynamicAdmission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Whether nothing at all is configured, as in most labs: then nobody has to know what a request is. */
  get isIdle(): boolean {
    const { storage } = this.#parts;
    return configured.every((collection) => storage.list(collection).length === 0);
  }

  /** Undefined where nothing that is configured is about the request. */
  of(request: AdmissionRequest, warnings: string[]): Admission | undefined {
    const { storage, resources } = this.#parts;
    if (isExempt(request.resource)) return undefined;
    const invocations = (kind: 'mutating' | 'validating'): Invocation[] =>
      hooksOf(storage, kind).flatMap((hook) => {
        const resource = matchRules(hook, request, resources);
        return resource === undefined ? [] : [{ hook, resource }];
      });
    const wanted: Wanted = {
      mutating: invocations('mutating'),
      mutatingPolicies: policiesOf(storage, request, { resources, kind: 'mutating' }),
      policies: policiesOf(storage, request, { resources, kind: 'validating' }),
      validating: invocations('validating'),
    };
    const nobody = Object.values(wanted).every((list) => list.length === 0);
    return nobody ? undefined : new Admission(this.#parts, wanted, { request, warnings });
  }
}

interface Wanted {
  mutatingPolicies: PolicyInvocation[];
  mutating: Invocation[];
  policies: PolicyInvocation[];
  validating: Invocation[];
}

/** Who is to be asked about one request. */
export class Admission {
  readonly #parts: AdmissionParts;
  readonly #wanted: Wanted;
  readonly #request: AdmissionRequest;
  readonly #warnings: string[];

  constructor(
    parts: AdmissionParts,
    wanted: Wanted,
    { request, warnings }: { request: AdmissionRequest; warnings: string[] },
  ) {
    this.#parts = parts;
    this.#wanted = wanted;
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
    this.#request = { ...request, signal };
    this.#warnings = warnings;
  }

  get mutates(): boolean {
    const { mutatingPolicies, mutating } = this.#wanted;
    return mutatingPolicies.length > 0 || mutating.length > 0;
  }

  #asking(states: ObjectStates) {
    const warn = (text: string) => {
      if (!this.#warnings.includes(text)) this.#warnings.push(text);
    };
    return { attributes: { ...this.#request, ...states }, warn };
  }

  /** What the mutating policies and webhooks make of the object. Throws ApiError. */
  async mutate<T extends JsonObject | null>(object: T, oldObject: JsonObject | null): Promise<T> {
    if (!this.mutates) return object;
    const { mutatingPolicies, mutating } = this.#wanted;
    const rounds = { policies: new Reinvocation(), hooks: new Reinvocation() };
    let now: JsonObject | null = object;
    const round = async () => {
      rounds.policies.begin(now);
      const reinvocation = rounds.policies;
      const asking = { ...this.#asking({ object: now, oldObject }), reinvocation };
      now = await applyMutatingPolicies(this.#parts, mutatingPolicies, asking);
      rounds.policies.end(now);
      rounds.hooks.begin(now);
      const asked = { ...this.#asking({ object: now, oldObject }), reinvocation: rounds.hooks };
      now = await askMutatingHooks(this.#parts, mutating, asked);
      rounds.hooks.end(now);
    };
    await round();
    if (rounds.policies.wanted || rounds.hooks.wanted) await round();
    return now as T;
  }

  /** Throws ApiError where the request is refused. */
  async validate(object: JsonObject | null, oldObject: JsonObject | null): Promise<void> {
    const asking = this.#asking({ object, oldObject });
    await askPolicies(this.#parts, this.#wanted.policies, asking);
    await askValidatingHooks(this.#parts, this.#wanted.validating, asking);
  }

  /** Both, for what is nothing to be stored. The object as it may be. Throws ApiError. */
  async admit<T extends JsonObject | null>(object: T, oldObject: JsonObject | null): Promise<T> {
    const mutated = await this.mutate(object, oldObject);
    await this.validate(mutated, oldObject);
    return mutated;
  }
}
