/** What the stand-in server of a container listens on, and how its container is probed. */
import type { Container, Pod, Probe, Service } from '../../kube/types.ts';

export interface StandInPorts {
  tcp: number[];
  udp: number[];
}

export interface StandInContext {
  /** Which containers of the pod are stood in for; without it, all. */
  isStandIn?: (container: Container) => boolean;
}

type Port = `${'tcp' | 'udp'}/${number}`;

/** Where the launcher's mounts show the stand-in server in its container. */
const standInPath = '/tendril/standin';

/** Where it finds ports that are added while it runs; it reads the file at SIGHUP. */
export const morePortsPath = '/tendril/ports';

/** That file's text. */
export function morePortsText({ tcp, udp }: StandInPorts): string {
  return [...tcp.map((port) => `tcp ${port}\n`), ...udp.map((port) => `udp ${port}\n`)].join('');
}

/** The server's command line. Without ports it only waits to be ended, as a pause container does. */
export function standInArgv(options: { ports?: StandInPorts; init?: boolean } = {}): string[] {
  if (options.init) return [standInPath, '--init'];
  const { tcp = [], udp = [] } = options.ports ?? {};
  return [
    standInPath,
    ...tcp.flatMap((port) => ['--tcp', String(port)]),
    ...udp.flatMap((port) => ['--udp', String(port)]),
  ];
}

function portOf(protocol: string | undefined, number: unknown): Port[] {
  if (typeof number !== 'number' || number < 1 || number > 65535) return [];
  if (protocol === undefined || protocol === 'TCP') return [`tcp/${number}`];
  return protocol === 'UDP' ? [`udp/${number}`] : [];
}

function probePorts(probe: Probe | undefined): Port[] {
  return [probe?.httpGet?.port, probe?.tcpSocket?.port, probe?.grpc?.port].flatMap((port) =>
    portOf('TCP', port),
  );
}

/** The ports that are a container's own: declared, probed, or called by its hooks. Named ones are declared. */
function ownPorts(container: Container): Port[] {
  const hooks = [container.lifecycle?.postStart?.httpGet?.port, container.lifecycle?.preStop?.httpGet?.port];
  return [
    ...(container.ports ?? []).flatMap((port) => portOf(port.protocol, port.containerPort)),
    ...[container.startupProbe, container.livenessProbe, container.readinessProbe].flatMap(probePorts),
    ...hooks.flatMap((port) => portOf('TCP', port)),
  ];
}

/** A Service without a selector selects nothing. */
export function selects(service: Service, pod: Pod): boolean {
  const selector = Object.entries(service.spec?.selector ?? {});
  const labels = pod.metadata.labels ?? {};
  if (service.metadata.namespace !== pod.metadata.namespace || selector.length === 0) return false;
  return selector.every(([key, value]) => labels[key] === value);
}

/** Numeric target ports; one that is not given is the Service's port. */
function targetPorts(service: Service): Port[] {
  return (service.spec?.ports ?? []).flatMap((port) => portOf(port.protocol, port.targetPort ?? port.port));
}

/** The containers that listen for as long as the pod lives: restartable init containers, then the others. */
function servingContainers(pod: Pod): Container[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(
    (container) => container.restartPolicy === 'Always',
  );
  return [...sidecars, ...(pod.spec?.containers ?? [])];
}

/**
 * The ports a stood-in container listens on. A port belongs to one container of the pod: to the first that
 * declares or probes it, else, when a Service's numeric targetPort names it, to the first regular container that is
 * stood in for.
 * @returns port numbers, ascending
 */
export function standInPorts(
  pod: Pod,
  container: Container,
  services: Iterable<Service>,
  { isStandIn = () => true }: StandInContext = {},
): StandInPorts {
  const owners = new Map<Port, string>();
  const claim = (port: Port, owner: Container) => owners.has(port) || owners.set(port, owner.name);
  for (const each of servingContainers(pod)) for (const port of ownPorts(each)) claim(port, each);
  const first = pod.spec?.containers.find(isStandIn);
  for (const service of services) {
    if (first !== undefined && selects(service, pod))
      for (const port of targetPorts(service)) claim(port, first);
  }
  const mine = (protocol: string) =>
    [...owners]
      .filter(([port, owner]) => owner === container.name && port.startsWith(protocol))
      .map(([port]) => Number(port.slice(4)))
      .sort((a, b) => a - b);
  return { tcp: mine('tcp'), udp: mine('udp') };
}

/** Whether the probe asks for what a stand-in has not: such a probe becomes a TCP connect. */
export function becomesTcpProbe(probe: Probe): boolean {
  return probe.exec !== undefined || probe.grpc !== undefined;
}

/**
 * The port that such a probe connects to: gRPC's own, else the container's lowest TCP port.
 * @returns undefined where there is none; the probe then succeeds
 */
export function standInProbePort(probe: Probe, ports: StandInPorts): number | undefined {
  return probe.grpc?.port ?? ports.tcp[0];
}
