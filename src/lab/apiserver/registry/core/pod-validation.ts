/** Validation of pod specs: the mistakes people make, in the words of pkg/apis/core/validation. */
import type { JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  fieldNotFound,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { isDnsLabel, isEnvironmentName, isPortName, isPortNumber } from '../../validation/names.ts';
import { validateEphemeral } from './ephemeral-containers.ts';
import { validateResources } from './resources-validation.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

/** Names in a list must be there, well formed and different. */
function validateNames(list: JsonObject[], field: string, seen = new Set<string>()): FieldError[] {
  return list.flatMap(({ name }, i) => {
    const at = `${field}[${i}].name`;
    if (!name) return [required(at)];
    if (seen.has(name)) return [duplicate(at, name)];
    seen.add(name);
    return isDnsLabel(name).map((why) => invalidValue(at, name, why));
  });
}

function validatePort(port: JsonObject, field: string, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (port.name) {
    errors.push(...isPortName(port.name).map((why) => invalidValue(`${field}.name`, port.name, why)));
    if (names.has(port.name)) errors.push(duplicate(`${field}.name`, port.name));
    names.add(port.name);
  }
  if (!port.containerPort) errors.push(required(`${field}.containerPort`));
  else
    errors.push(
      ...isPortNumber(port.containerPort).map((why) =>
        invalidValue(`${field}.containerPort`, port.containerPort, why),
      ),
    );
  if (port.hostPort) {
    errors.push(
      ...isPortNumber(port.hostPort).map((why) => invalidValue(`${field}.hostPort`, port.hostPort, why)),
    );
  }
  if (!protocols.includes(port.protocol))
    errors.push(notSupported(`${field}.protocol`, port.protocol, protocols));
  return errors;
}

function validateEnv(env: JsonObject[], field: string): FieldError[] {
  return env.flatMap((variable, i) => {
    const at = `${field}[${i}]`;
    if (!variable.name) return [required(`${at}.name`)];
    const errors = isEnvironmentName(variable.name).map((why) =>
      invalidValue(`${at}.name`, variable.name, why),
    );
    if (variable.valueFrom && variable.value) {
      errors.push(invalidValue(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    }
    return errors;
  });
}

function validateTarget(port: unknown, field: string): FieldError[] {
  if (typeof port === 'number') return isPortNumber(port).map((why) => invalidValue(field, port, why));
  return isPortName(String(port ?? '')).map((why) => invalidValue(field, port ?? '', why));
}

function validateProbe(probe: JsonObject | undefined, field: string, mayDiffer: boolean): FieldError[] {
  if (!probe) return [];
  const errors: FieldError[] = [];
  const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'].filter((h) => probe[h]);
  if (handlers.length === 0) errors.push(required(field, 'must specify a handler type'));
  for (const extra of handlers.slice(1))
    errors.push(fieldForbidden(`${field}.${extra}`, 'may not specify more than 1 handler type'));
  if (probe.httpGet) errors.push(...validateTarget(probe.httpGet.port, `${field}.httpGet.port`));
  if (probe.tcpSocket) errors.push(...validateTarget(probe.tcpSocket.port, `${field}.tcpSocket.port`));
  for (const key of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ]) {
    if (probe[key] < 0)
      errors.push(invalidValue(`${field}.${key}`, probe[key], 'must be greater than or equal to 0'));
  }
  if (!mayDiffer && probe.successThreshold !== 1) {
    errors.push(invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  return errors;
}

function validateMounts(container: JsonObject, field: string, volumes: Set<string>): FieldError[] {
  const paths = new Set<string>();
  return ((container.volumeMounts ?? []) as JsonObject[]).flatMap((mount, i) => {
    const at = `${field}.volumeMounts[${i}]`;
    const errors: FieldError[] = [];
    if (!mount.name) errors.push(required(`${at}.name`));
    else if (!volumes.has(mount.name)) errors.push(fieldNotFound(`${at}.name`, mount.name));
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath))
      errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    return errors;
  });
}

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

/** Beyond these a number means another identity once it is cut to 32 bits: root, for one. */
const lastIdentity = 0x7fff_ffff;

function validateIdentities(context: JsonObject | undefined, field: string): FieldError[] {
  const numbers = ['runAsUser', 'runAsGroup', 'fsGroup'].map((key) => [key, context?.[key]] as const);
  const groups = (context?.supplementalGroups ?? []) as number[];
  return [...numbers, ...groups.map((gid, i) => [`supplementalGroups[${i}]`, gid] as const)]
    .filter(([, id]) => id !== undefined && !(id >= 0 && id <= lastIdentity))
    .map(([key, id]) =>
      invalidValue(`${field}.${key}`, id, `must be between 0 and ${lastIdentity}, inclusive`),
    );
}

function validateContainer(container: JsonObject, field: string, volumes: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  if (!container.image) errors.push(required(`${field}.image`));
  else if (container.image.trim() !== container.image) {
    errors.push(
      invalidValue(`${field}.image`, container.image, 'must not have leading or trailing whitespace'),
    );
  }
  if (!pullPolicies.includes(container.imagePullPolicy)) {
    errors.push(notSupported(`${field}.imagePullPolicy`, container.imagePullPolicy, pullPolicies));
  }
  const names = new Set<string>();
  const ports = (container.ports ?? []) as JsonObject[];
  return [
    ...errors,
    ...ports.flatMap((port, i) => validatePort(port, `${field}.ports[${i}]`, names)),
    ...validateEnv(container.env ?? [], `${field}.env`),
    ...validateMounts(container, field, volumes),
    ...validateProbe(container.livenessProbe, `${field}.livenessProbe`, false),
    ...validateProbe(container.readinessProbe, `${field}.readinessProbe`, true),
    ...validateProbe(container.startupProbe, `${field}.startupProbe`, false),
    ...validateIdentities(container.securityContext, `${field}.securityContext`),
    ...validateResources(container.resources, `${field}.resources`),
  ];
}

/** Two containers of a pod, or of any pod of a node, cannot have the same host port. */
function validateHostPorts(containers: JsonObject[], field: string): FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap((container, i) =>
    ((container.ports ?? []) as JsonObject[]).flatMap((port, j) => {
      if (!port.hostPort) return [];
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(key)) return [duplicate(`${field}[${i}].ports[${j}].hostPort`, key)];
      seen.add(key);
      return [];
    }),
  );
}

function validateTolerations(tolerations: JsonObject[], field: string): FieldError[] {
  return tolerations.flatMap((t, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (!t.key && t.operator !== 'Exists') {
      errors.push(
        invalidValue(
          `${at}.operator`,
          t.operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (t.tolerationSeconds !== undefined && t.effect !== 'NoExecute') {
      errors.push(
        invalidValue(
          `${at}.effect`,
          t.effect ?? '',
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
    }
    return errors;
  });
}

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** Validates a pod's, or a template's, spec with its defaults set. `field` is where it is: `spec.template.spec`. */
export function validatePodSpec(spec: JsonObject, field: string): FieldError[] {
  const containers = (spec.containers ?? []) as JsonObject[];
  const initContainers = (spec.initContainers ?? []) as JsonObject[];
  const ephemeral = (spec.ephemeralContainers ?? []) as JsonObject[];
  const volumes = (spec.volumes ?? []) as JsonObject[];
  const volumeNames = new Set(volumes.map((v) => v.name as string));
  const names = new Set<string>();
  const errors: FieldError[] = [];
  if (containers.length === 0) errors.push(required(`${field}.containers`));
  if (!restartPolicies.includes(spec.restartPolicy)) {
    errors.push(notSupported(`${field}.restartPolicy`, spec.restartPolicy, restartPolicies));
  }
  if (!dnsPolicies.includes(spec.dnsPolicy))
    errors.push(notSupported(`${field}.dnsPolicy`, spec.dnsPolicy, dnsPolicies));
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers?.length) {
    errors.push(
      required(
        `${field}.dnsConfig.nameservers`,
        'must provide at least one DNS nameserver when `dnsPolicy` is None',
      ),
    );
  }
  if (spec.terminationGracePeriodSeconds < 0) {
    const why = 'must be greater than or equal to 0';
    errors.push(
      invalidValue(`${field}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds, why),
    );
  }
  return [
    ...errors,
    ...validateIdentities(spec.securityContext, `${field}.securityContext`),
    ...validateNames(volumes, `${field}.volumes`),
    ...validateNames(containers, `${field}.containers`, names),
    ...validateNames(initContainers, `${field}.initContainers`, names),
    ...validateNames(ephemeral, `${field}.ephemeralContainers`, names),
    ...containers.flatMap((c, i) => validateContainer(c, `${field}.containers[${i}]`, volumeNames)),
    ...initContainers.flatMap((c, i) => validateContainer(c, `${field}.initContainers[${i}]`, volumeNames)),
    ...ephemeral.flatMap((c, i) => validateContainer(c, `${field}.ephemeralContainers[${i}]`, volumeNames)),
    ...validateEphemeral(ephemeral, new Set([...containers, ...initContainers].map((c) => c.name as string))),
    ...validateHostPorts(containers, `${field}.containers`),
    ...validateTolerations(spec.tolerations ?? [], `${field}.tolerations`),
    ...(spec.hostname
      ? isDnsLabel(spec.hostname).map((why) => invalidValue(`${field}.hostname`, spec.hostname, why))
      : []),
    ...(spec.subdomain
      ? isDnsLabel(spec.subdomain).map((why) => invalidValue(`${field}.subdomain`, spec.subdomain, why))
      : []),
  ];
}
