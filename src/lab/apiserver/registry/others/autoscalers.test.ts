import { expect, test } from 'vitest';
import { autoscalerConversion } from './autoscalers.ts';

const { toStored, fromStored } = autoscalerConversion;
const v2 = (spec: object) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web' },
  spec: { maxReplicas: 3, ...spec },
});
const cpu = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

test('v1 shows the target of CPU as its one number', () => {
  const seen = fromStored(v2({ metrics: [cpu(70)] }));
  expect(seen).toMatchObject({ apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 70 } });
  expect(toStored(seen)).toEqual(v2({ metrics: [cpu(70)] }));
});

test('v1 without a number aims at 80 percent, as Kubernetes does', () => {
  const made = toStored({ metadata: { name: 'web' }, spec: { maxReplicas: 3 } });
  expect(made.spec.metrics).toEqual([cpu(80)]);
});

test('what v1 has no field for comes back from it unharmed', () => {
  const memory = { type: 'Resource', resource: { name: 'memory', target: { type: 'Utilization' } } };
  const object = v2({ metrics: [memory, cpu(50)], behavior: { scaleDown: { selectPolicy: 'Max' } } });
  expect(toStored(fromStored(object))).toEqual(object);
});
