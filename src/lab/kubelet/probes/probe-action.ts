/** One attempt of a probe or of a hook: what to ask, of whom. Names of ports and hosts are resolved here. */
import type { Container, Probe } from '../../../kube/types.ts';
import { TendrilError } from '../../../util/errors.ts';
import { type StandInPorts, standInProbePort } from '../../images/stand-in.ts';

export type ProbeAction =
  | { do: 'http'; url: HttpTarget }
  | { do: 'tcp'; host: string; port: number; standIn: boolean }
  | { do: 'exec'; command: string[] }
  | { do: 'grpc'; host: string; port: number; service: string }
  /** Nothing to ask: always a success. */
  | { do: 'nothing' };

export interface HttpTarget {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  path: string;
  headers: [name: string, value: string][];
}

export interface ProbeTargetContext {
  container: Container;
  podIp: string;
  /** Set for a stood-in container. */
  standIn?: StandInPorts;
}

/** @throws TendrilError BAD_INPUT for a port name that the container does not declare */
export function probeAction(probe: Probe, context: ProbeTargetContext): ProbeAction {
  const { podIp, standIn } = context;
  if (standIn && (probe.exec || probe.grpc)) {
    const port = standInProbePort(probe, standIn);
    return port === undefined ? { do: 'nothing' } : { do: 'tcp', host: podIp, port, standIn: true };
  }
  if (probe.httpGet) return { do: 'http', url: httpTarget(probe.httpGet, context) };
  if (probe.tcpSocket) {
    const { host, port } = probe.tcpSocket;
    return {
      do: 'tcp',
      host: hostOf(host, context),
      port: portNumber(port, context.container),
      standIn: false,
    };
  }
  if (probe.exec) return { do: 'exec', command: probe.exec.command ?? [] };
  if (probe.grpc)
    return { do: 'grpc', host: podIp, port: probe.grpc.port, service: probe.grpc.service ?? '' };
  return { do: 'nothing' };
}

type HttpGet = NonNullable<Probe['httpGet']>;

/** @throws TendrilError BAD_INPUT for a port name that the container does not declare */
export function httpTarget(get: HttpGet, context: ProbeTargetContext): HttpTarget {
  const path = get.path || '/';
  return {
    scheme: get.scheme === 'HTTPS' ? 'https' : 'http',
    host: hostOf(get.host, context),
    port: portNumber(get.port, context.container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: (get.httpHeaders ?? []).map(({ name, value }) => [name, value]),
  };
}

/** Probes come from the node: its own localhost is meant. */
function hostOf(host: string | undefined, { podIp }: ProbeTargetContext): string {
  return host === 'localhost' ? '127.0.0.1' : host || podIp;
}

function portNumber(port: string | number, container: Container): number {
  const named = container.ports?.find((p) => p.name === port)?.containerPort;
  const number = named ?? Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new TendrilError('BAD_INPUT', `container ${container.name} has no port named "${port}"`);
}
