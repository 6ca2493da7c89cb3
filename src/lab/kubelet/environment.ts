/**
 * A container's environment, in Kubernetes' order of precedence: Service links, then envFrom, then env, each over the
 * one before; env values may refer to what came before them.
 */
import type { ConfigMap, Container, Secret, Service } from '../../kube/types.ts';
import { TendrilError } from '../../util/errors.ts';
import { expand } from './expansion.ts';
import { type FieldContext, fieldValue, resourceValue } from './field-ref.ts';
import { serviceLinks } from './service-links.ts';

/** Objects of the pod's namespace by name; undefined where there is none. */
export interface ConfigSource {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
}

export interface EnvironmentInput {
  container: Container;
  context: FieldContext;
  services: readonly Service[];
  config: ConfigSource;
  hostname: string;
  /** What the image itself sets. */
  imageEnv?: Record<string, string>;
}

type EnvVar = NonNullable<Container['env']>[number];
type EnvFrom = NonNullable<Container['envFrom']>[number];

/** @throws TendrilError BAD_INPUT for a missing object or key: CreateContainerConfigError */
export async function containerEnvironment(input: EnvironmentInput): Promise<Record<string, string>> {
  const { container, context } = input;
  const spec = context.pod.spec;
  const links = serviceLinks({
    namespace: context.pod.metadata.namespace ?? 'default',
    enabled: spec?.enableServiceLinks ?? true,
    services: input.services,
  });
  const own: Record<string, string> = {};
  for (const from of container.envFrom ?? []) Object.assign(own, await fromObject(from, input));
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable, input, (name) => own[name] ?? links[name]);
    if (value !== undefined) own[variable.name] = value;
  }
  return { PATH: defaultPath, HOSTNAME: input.hostname, ...input.imageEnv, ...links, ...own };
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

async function fromObject(from: EnvFrom, { config }: EnvironmentInput): Promise<Record<string, string>> {
  const kind = from.configMapRef ? 'configmap' : 'secret';
  const ref = from.configMapRef ?? from.secretRef;
  if (ref?.name === undefined) return {};
  const object = from.configMapRef ? await config.configMap(ref.name) : await config.secret(ref.name);
  if (object === undefined) {
    if (ref.optional) return {};
    throw missing(kind, ref.name);
  }
  const data = textOf(object, kind);
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [`${from.prefix ?? ''}${key}`, value]),
  );
}

/** Undefined: the variable is left out (optional and missing). */
async function variableValue(
  variable: EnvVar,
  { config, container, context }: EnvironmentInput,
  lookup: (name: string) => string | undefined,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? '', lookup);
  if (from.fieldRef) return fieldValue(from.fieldRef.fieldPath, context);
  if (from.resourceFieldRef) {
    const { containerName } = from.resourceFieldRef;
    const spec = context.pod.spec;
    const of = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find(
      (c) => c.name === containerName,
    );
    return resourceValue(from.resourceFieldRef, of ?? container, context);
  }
  const ref = from.configMapKeyRef ?? from.secretKeyRef;
  if (ref?.name === undefined) return '';
  const kind = from.configMapKeyRef ? 'configmap' : 'secret';
  const object = from.configMapKeyRef ? await config.configMap(ref.name) : await config.secret(ref.name);
  const value = object && textOf(object, kind)[ref.key];
  if (value !== undefined || ref.optional) return value;
  if (object === undefined) throw missing(kind, ref.name);
  const named = kind === 'configmap' ? 'ConfigMap' : 'Secret';
  const at = `${context.pod.metadata.namespace}/${ref.name}`;
  throw new TendrilError('BAD_INPUT', `couldn't find key ${ref.key} in ${named} ${at}`);
}

function missing(kind: string, name: string): TendrilError {
  return new TendrilError('BAD_INPUT', `${kind} "${name}" not found`);
}

/** An object's values as text; a Secret's are base64 in the API. */
function textOf(object: ConfigMap | Secret, kind: 'configmap' | 'secret'): Record<string, string> {
  if (kind === 'configmap') return object.data ?? {};
  const entries = Object.entries(object.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
