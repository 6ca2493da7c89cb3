import { describe, expect, test } from 'vitest';
import type { Container, Pod, Service } from '../../kube/types.ts';
import { becomesTcpProbe, standInArgv, standInPorts, standInProbePort } from './stand-in.ts';

const pod = (...containers: Container[]) =>
  ({
    metadata: { name: 'p', namespace: 'shop', labels: { app: 'web', tier: 'x' } },
    spec: { containers },
  }) as unknown as Pod;
const service = (selector: Record<string, string> | undefined, ports: object[], namespace = 'shop') =>
  ({ metadata: { name: 's', namespace }, spec: { selector, ports } }) as unknown as Service;

const a: Container = { name: 'a', ports: [{ containerPort: 8080 }, { containerPort: 53, protocol: 'UDP' }] };
const b: Container = { name: 'b', ports: [{ containerPort: 9090 }] };

describe('a stood-in container listens on', () => {
  test('the ports it declares, by protocol; SCTP has no stand-in', () => {
    const c: Container = { name: 'c', ports: [...a.ports!, { containerPort: 5, protocol: 'SCTP' }] };
    expect(standInPorts(pod(c), c, [])).toEqual({ tcp: [8080], udp: [53] });
  });

  test("its probes' and hooks' ports; named ones are declared", () => {
    const c: Container = {
      name: 'c',
      ports: [{ containerPort: 80, name: 'http' }],
      readinessProbe: { httpGet: { port: 81 } },
      livenessProbe: { tcpSocket: { port: 'http' } },
      startupProbe: { grpc: { port: 82 } },
      lifecycle: { preStop: { httpGet: { port: 83 } } },
    };
    expect(standInPorts(pod(c), c, []).tcp).toEqual([80, 81, 82, 83]);
  });

  test.each([
    ['a numeric targetPort', service({ app: 'web' }, [{ port: 80, targetPort: 7000 }]), [7000, 8080]],
    ['the port where targetPort is absent', service({ app: 'web' }, [{ port: 80 }]), [80, 8080]],
    ['nothing for a named targetPort', service({ app: 'web' }, [{ port: 80, targetPort: 'http' }]), [8080]],
    ['nothing for another selector', service({ app: 'db' }, [{ port: 80 }]), [8080]],
    ['nothing for a Service without selector', service(undefined, [{ port: 80 }]), [8080]],
    ['nothing for another namespace', service({ app: 'web' }, [{ port: 80 }], 'other'), [8080]],
  ])('%s', (_, each, tcp) => {
    expect(standInPorts(pod(a), a, [each]).tcp).toEqual(tcp);
  });

  test('no port of another container of its pod', () => {
    const services = [service({ app: 'web' }, [{ port: 9090 }, { port: 7000 }])];
    expect(standInPorts(pod(a, b), a, services).tcp).toEqual([7000, 8080]);
    expect(standInPorts(pod(a, b), b, services).tcp).toEqual([9090]);
  });

  test("a Service's port when the first container runs its own program", () => {
    const context = { isStandIn: (container: Container) => container.name === 'b' };
    expect(standInPorts(pod(a, b), b, [service({ app: 'web' }, [{ port: 7000 }])], context).tcp).toEqual([
      7000, 9090,
    ]);
  });
});

test('the command line lists the ports', () => {
  expect(
    standInArgv({ ports: { tcp: [80, 81], udp: [53] } })
      .slice(1)
      .join(' '),
  ).toBe('--tcp 80 --tcp 81 --udp 53');
  expect(standInArgv({ init: true }).slice(1)).toEqual(['--init']);
});

test('exec and gRPC probes become a TCP connect', () => {
  expect(becomesTcpProbe({ exec: { command: ['x'] } })).toBe(true);
  expect(becomesTcpProbe({ httpGet: { port: 1 } })).toBe(false);
  expect(standInProbePort({ grpc: { port: 7 } }, { tcp: [80], udp: [] })).toBe(7);
  expect(standInProbePort({ exec: {} }, { tcp: [80], udp: [] })).toBe(80);
  expect(standInProbePort({ exec: {} }, { tcp: [], udp: [53] })).toBeUndefined();
});
