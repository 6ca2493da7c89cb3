/**
 * Events about pods and the node: made once, then counted, as Kubernetes' recorder does. An event is a courtesy: its
 * failure is told to the log and never holds anything up.
 */
import type { KubeClient } from '../../kube/client/client.ts';
import { resources } from '../../kube/resources.ts';
import type { KubeEvent } from '../../kube/types.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { time } from './container-status.ts';

export interface EventObject {
  kind: 'Pod' | 'Node';
  name: string;
  namespace?: string;
  uid: string;
  /** e.g. spec.containers{app} */
  fieldPath?: string;
}

export interface EventText {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** Events of the same text within this time are counted in one object. */
const rememberedMs = 10 * 60_000;
const rememberedCount = 1000;

export class EventRecorder {
  readonly #options: { client: KubeClient; clock: Clock; logger: Logger; node: string };
  readonly #seen = new Map<string, { name: Promise<string>; count: number; at: number }>();
  #serial = 0;

  constructor(options: { client: KubeClient; clock: Clock; logger: Logger; node: string }) {
    this.#options = options;
  }

  record(object: EventObject, text: EventText): void {
    void this.#write(object, text).catch((error) => {
      this.#options.logger.debug('event not recorded', { reason: text.reason, error });
    });
  }

  async #write(object: EventObject, text: EventText): Promise<void> {
    const now = this.#options.clock.now();
    const key = JSON.stringify([object, text]);
    const seen = this.#seen.get(key);
    if (seen === undefined || now - seen.at > rememberedMs) {
      if (this.#seen.size >= rememberedCount) this.#seen.clear();
      const name = this.#create(object, text);
      this.#seen.set(key, { name, count: 1, at: now });
      await name;
      return;
    }
    seen.count++;
    seen.at = now;
    const namespace = object.namespace ?? 'default';
    const body = { count: seen.count, lastTimestamp: time(now) };
    const type = 'application/merge-patch+json';
    await this.#options.client.patch(resources.events, { namespace, name: await seen.name }, { type, body });
  }

  async #create(object: EventObject, text: EventText): Promise<string> {
    const { client, clock, node } = this.#options;
    const at = time(clock.now());
    const suffix = (BigInt(clock.now()) * 1_000_000n + BigInt(this.#serial++)).toString(16);
    const name = `${object.name}.${suffix}`;
    const namespace = object.namespace ?? 'default';
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: { apiVersion: 'v1', ...object },
      ...text,
      source: { component: 'kubelet', host: node },
      reportingComponent: 'kubelet',
      reportingInstance: node,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
    await client.create<KubeEvent>(resources.events, event);
    return name;
  }
}
