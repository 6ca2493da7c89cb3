/**
 * autoscaling/v1 and v2 HorizontalPodAutoscalers are the same objects; the v2 one is stored. v1 has room for one
 * target of CPU; what else there is travels in annotations, so that a client of v1 does not lose it.
 */
import type { JsonObject } from '../../json.ts';

const keptIn = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const;

/** What Kubernetes aims at where nobody says. */
const defaultUtilization = 80;

const cpuMetric = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

const isCpu = ({ type, resource }: JsonObject) =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined;

function annotated(object: JsonObject, annotations: JsonObject): JsonObject {
  const { annotations: _, ...metadata } = object.metadata ?? {};
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}

function toStored(autoscaler: JsonObject): JsonObject {
  const { targetCPUUtilizationPercentage: percentage, ...spec } = autoscaler.spec ?? {};
  const { currentCPUUtilizationPercentage: _, ...status } = autoscaler.status ?? {};
  const annotations: JsonObject = { ...autoscaler.metadata?.annotations };
  const others = annotations[keptIn.metrics] ? JSON.parse(annotations[keptIn.metrics]) : [];
  if (annotations[keptIn.behavior]) spec.behavior = JSON.parse(annotations[keptIn.behavior]);
  for (const key of Object.values(keptIn)) delete annotations[key];
  spec.metrics = percentage === undefined ? others : [...others, cpuMetric(percentage)];
  if (spec.metrics.length === 0) spec.metrics = [cpuMetric(defaultUtilization)];
  const metadata = annotated(autoscaler, annotations);
  return {
    ...autoscaler,
    apiVersion: 'autoscaling/v2',
    metadata,
    spec,
    ...(autoscaler.status ? { status } : {}),
  };
}

function fromStored(autoscaler: JsonObject): JsonObject {
  const { metrics = [], behavior, ...spec } = autoscaler.spec ?? {};
  const cpu = (metrics as JsonObject[]).find(isCpu);
  const others = (metrics as JsonObject[]).filter((metric) => metric !== cpu);
  const annotations: JsonObject = { ...autoscaler.metadata.annotations };
  if (others.length > 0) annotations[keptIn.metrics] = JSON.stringify(others);
  if (behavior !== undefined) annotations[keptIn.behavior] = JSON.stringify(behavior);
  if (cpu !== undefined) spec.targetCPUUtilizationPercentage = cpu.resource.target.averageUtilization;
  const metadata = annotated(autoscaler, annotations);
  return { ...autoscaler, apiVersion: 'autoscaling/v1', metadata, spec };
}

export const autoscalerConversion = { toStored, fromStored };
