/** Objects of one version as another, by the webhook of their definition (apiextensions-apiserver, apiserver/conversion). */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../../kube/meta.ts';
import { cloneJson, isJsonObject, type JsonObject } from '../json.ts';
import type { ConversionWebhook } from '../registry/resource.ts';
import { conversionFailed } from '../status.ts';
import { validateAnnotations, validateLabels } from '../validation/object-meta.ts';
import type { WebhookClientConfig } from '../webhooks/client-config.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import type { DefinitionSpec } from './definition/definition.ts';

const group = 'apiextensions.k8s.io';
const timeoutMs = 30_000;
/** A long list is converted in parts, so that no answer is too large. */
const maxObjects = 500;

const kindText = ({ apiVersion, kind }: JsonObject) => `${apiVersion}, Kind=${kind}`;

/** Of a definition whose strategy is Webhook. */
export function conversionWebhook(
  { conversion }: DefinitionSpec,
  webhooks: WebhookClient,
): ConversionWebhook | undefined {
  if (conversion?.strategy !== 'Webhook') return undefined;
  const { clientConfig, conversionReviewVersions } = conversion.webhook as {
    clientConfig: WebhookClientConfig;
    conversionReviewVersions: string[];
  };
  const convertPart = async (objects: readonly KubeObject[], apiVersion: string) => {
    const failed = (why: string) =>
      conversionFailed(`conversion webhook for ${kindText(objects[0]!)} failed: ${why}`);
    const version = conversionReviewVersions.find((v) => v === 'v1' || v === 'v1beta1');
    if (version === undefined) throw failed('no supported conversion review versions');
    const uid = randomUUID();
    const review = {
      kind: 'ConversionReview',
      apiVersion: `${group}/${version}`,
      request: { uid, desiredAPIVersion: apiVersion, objects },
    };
    const said = await webhooks.call(clientConfig, review, { timeoutMs }).catch((error: Error) => {
      throw failed(error.message);
    });
    const converted = convertedIn(said, { uid, version, failed });
    if (converted.length !== objects.length)
      throw conversionFailed(
        `conversion webhook for ${kindText(objects[0]!)} returned ${converted.length} objects, expected ${objects.length}`,
      );
    return objects.map((object, i) => checked(object, converted[i], apiVersion));
  };
  return {
    async convert(objects, apiVersion) {
      const all: JsonObject[] = [];
      for (let i = 0; i < objects.length; i += maxObjects)
        all.push(...(await convertPart(objects.slice(i, i + maxObjects), apiVersion)));
      return all;
    },
  };
}

interface Expected {
  uid: string;
  version: string;
  failed(why: string): Error;
}

function convertedIn(said: unknown, { uid, version, failed }: Expected): unknown[] {
  const review = isJsonObject(said) ? said : {};
  const { response } = review;
  const wanted = { apiVersion: `${group}/${version}`, kind: 'ConversionReview' };
  const strict = version === 'v1';
  if (strict && kindText({ apiVersion: '', kind: '', ...review }) !== kindText(wanted))
    throw failed(
      `expected webhook response of ${kindText(wanted)}, got ${kindText({ apiVersion: '', kind: '', ...review })}`,
    );
  if (!isJsonObject(response)) throw failed('no response provided');
  if (strict && response.uid !== uid)
    throw failed(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  const { status = '', message } = isJsonObject(response.result) ? response.result : {};
  if (status !== 'Success') throw failed(message || `response.result.status was '${status}', not 'Success'`);
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

/** It stays the same object: of its metadata only labels and annotations may be others. */
function checked(original: JsonObject, converted: unknown, apiVersion: string): JsonObject {
  const invalid = (why: string) =>
    conversionFailed(`conversion webhook for ${kindText(original)} returned invalid object: ${why}`);
  if (!isJsonObject(converted)) throw invalid('it is no JSON object');
  if (converted.apiVersion !== apiVersion)
    throw invalid(`invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ''})`);
  if (converted.kind !== original.kind)
    throw invalid(`invalid kind (expected ${original.kind}, received ${converted.kind ?? ''})`);
  if (!isJsonObject(converted.metadata)) throw invalid('missing metadata in converted object');
  for (const [key, name] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [was = '', is = ''] = [original.metadata[key], converted.metadata[key]];
    if (was !== is) throw invalid(`must have the same ${name}: ${was} != ${is}`);
  }
  return { ...cloneJson(converted), metadata: restored(original, converted, invalid) };
}

function restored(
  { metadata: original }: JsonObject,
  { metadata: told }: JsonObject,
  invalid: (why: string) => Error,
): JsonObject {
  const { labels: _, annotations: __, ...metadata } = original;
  const errors = [
    ...validateLabels(told.labels ?? undefined, 'metadata.labels'),
    ...validateAnnotations(told.annotations ?? undefined, 'metadata.annotations'),
  ];
  if (errors.length > 0) throw invalid(errors.map((e) => `${e.field}: ${e.message}`).join(', '));
  return {
    ...cloneJson(metadata),
    ...(told.labels && { labels: cloneJson(told.labels) }),
    ...(told.annotations && { annotations: cloneJson(told.annotations) }),
  };
}
