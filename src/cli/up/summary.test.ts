import { describe, expect, test } from 'vitest';
import type { Service } from '../../kube/types.ts';
import type { LabConfig } from '../../lab/topology/lab-config.ts';
import { nextSteps } from './summary.ts';

const config = (over: Partial<LabConfig> = {}) =>
  ({ name: 'lab', nodes: [{ name: 'node-1', ips: ['172.20.0.11'] }], ...over }) as LabConfig;
const service = (spec: object, namespace = 'default') =>
  ({ metadata: { name: 's', namespace }, spec: { selector: { app: 's' }, ...spec } }) as unknown as Service;

describe('what to try next', () => {
  test('a NodePort from outside, where there is one', () => {
    const services = [
      service({ clusterIP: '10.96.0.5', ports: [{ port: 80 }] }),
      service({ ports: [{ port: 80, nodePort: 30080 }] }),
    ];
    expect(nextSteps(config(), services)).toContain(
      '  bin/tendril exec --outside -- curl -s http://172.20.0.11:30080/\n',
    );
  });

  test('else a ClusterIP from a node', () => {
    expect(
      nextSteps(config({ name: 'six' }), [service({ clusterIP: 'fd00::5', ports: [{ port: 80 }] })]),
    ).toContain("  bin/tendril exec --name six --node node-1 -- curl -s 'http://[fd00::5]:80/'\n");
  });

  test('no call where no Service can be called', () => {
    const services = [
      service({ clusterIP: 'None', ports: [{ port: 80 }] }),
      service({ ports: [{ port: 53, nodePort: 30053, protocol: 'UDP' }] }),
      service({ clusterIP: '10.96.0.10', ports: [{ port: 53 }] }, 'kube-system'),
    ];
    expect(nextSteps(config(), services)).not.toContain('curl');
  });
});
