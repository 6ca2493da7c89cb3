/** Defaults of pods and pod templates, as pkg/apis/core/v1/defaults.go sets them. */
import type { JsonObject } from '../../json.ts';

function setProbeDefaults(probe: JsonObject | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) {
    probe.httpGet.path ||= '/';
    probe.httpGet.scheme ||= 'HTTP';
  }
  if (probe.grpc) probe.grpc.service ??= '';
}

function setEnvDefaults(env: JsonObject[] | undefined): void {
  for (const variable of env ?? []) {
    if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ||= 'v1';
    if (variable.value === '') delete variable.value;
  }
}

/** `latest`, or no tag at all, is pulled always. */
function pullPolicyOf(image = ''): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** A limit without a request is a request too. */
function setResourceDefaults(container: JsonObject): void {
  container.resources ??= {};
  const { limits } = container.resources;
  if (!limits) return;
  container.resources.requests = { ...limits, ...container.resources.requests };
}

function setContainerDefaults(container: JsonObject, hostNetwork: boolean): void {
  container.imagePullPolicy ||= pullPolicyOf(container.image);
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  setResourceDefaults(container);
  for (const port of container.ports ?? []) {
    port.protocol ||= 'TCP';
    if (hostNetwork) port.hostPort ||= port.containerPort;
  }
  setEnvDefaults(container.env);
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) setProbeDefaults(container[probe]);
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (hook?.httpGet) {
      hook.httpGet.path ||= '/';
      hook.httpGet.scheme ||= 'HTTP';
    }
  }
}

const modeOf: Record<string, number> = {
  configMap: 0o644,
  secret: 0o644,
  downwardAPI: 0o644,
  projected: 0o644,
};

function setVolumeDefaults(volume: JsonObject): void {
  if (Object.keys(volume).length === 1) volume.emptyDir = {};
  for (const [source, mode] of Object.entries(modeOf)) {
    if (volume[source]) volume[source].defaultMode ??= mode;
  }
  if (volume.hostPath) volume.hostPath.type ??= '';
  const items = [...(volume.downwardAPI?.items ?? [])];
  for (const source of volume.projected?.sources ?? []) {
    items.push(...(source.downwardAPI?.items ?? []));
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
  }
  for (const item of items) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
}

/** Sets the defaults of a pod's, or a template's, spec. */
export function setPodSpecDefaults(spec: JsonObject): void {
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  if (spec.serviceAccountName) spec.serviceAccount ||= spec.serviceAccountName;
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  const hostNetwork = spec.hostNetwork === true;
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of spec[list] ?? []) setContainerDefaults(container, hostNetwork);
  }
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
}

/** Defaults of pods alone; templates do not get them. */
export function setPodDefaults(pod: JsonObject): void {
  pod.spec ??= {};
  setPodSpecDefaults(pod.spec);
  pod.spec.enableServiceLinks ??= true;
}
