/** What stands in for a control plane: the API server, on the fabric and on 127.0.0.1, and the controllers. */
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient } from '../../kube/client/client.ts';
import { createInformers, type Informers } from '../../kube/client/informers.ts';
import { openNetns } from '../../linux/netns/netns.ts';
import { listenTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import { nodePorts } from '../../net/ports.ts';
import { TendrilError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import { type ApiServer, createApiServer } from '../apiserver/api-server.ts';
import { newTokenKey } from '../apiserver/auth/service-account-tokens.ts';
import type { PodLogs } from '../apiserver/rest/pod-logs.ts';
import { FileStorage } from '../apiserver/storage/file-storage.ts';
import type { PodStreams } from '../apiserver/streams/pod-streams.ts';
import type { ConnectEndpoint } from '../apiserver/webhooks/webhook-client.ts';
import { type ControllerGroup, startControllers } from '../controllers/controllers.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';
import { type Credentials, createCredentials } from './credentials.ts';

const triedPorts = 200;

export interface ControlPlane {
  client: KubeClient;
  informers: Informers;
  /** What a node's agent reaches the API with. */
  nodeKubeconfig(node: string): string;
  dnsKubeconfig: string;
  /** From now on the API's logs and streams of pods come from there. Resolves when they can be had. */
  servePods(source: PodSource): Promise<void>;
  /** On an external API server: the lab's controllers that run now. */
  labRuns?: ReadonlySet<ControllerGroup>;
  stop(): Promise<void>;
}

/** The kubelets, by what a client may want of their pods. */
export interface PodSource {
  logs: PodLogs;
  streams: PodStreams;
  /** For webhooks behind Services. */
  connect: ConnectEndpoint;
}

/** The lab's own API server and controllers. */
export async function startControlPlane(
  config: LabConfig,
  paths: LabPaths,
  logger: Logger,
): Promise<ControlPlane> {
  const credentials = await createCredentials(config);
  const state = config.state === undefined ? undefined : openState(config, config.state);
  const api = createApiServer({
    ...(state && { storage: state, tokenKey: tokenKeyIn(config.state!) }),
    serviceCidrs: config.serviceCidrs,
    nodePortRange: nodePorts,
    advertise: { ips: config.apiServerIps, port: config.apiServerPort },
    caCertificate: credentials.ca,
    authorization: config.authorization,
    logger: logger.child({ component: 'apiserver' }),
  });
  const port = await listen(api, config, { paths, credentials });
  writeAdminKubeconfig(paths.kubeconfig, credentials.adminKubeconfig(port));
  const client = api.client();
  const informers = createInformers({ client, logger });
  const controllers = startControllers({
    client,
    informers,
    podCidrs: config.podCidrs,
    logger: logger.child({ component: 'controllers' }),
  });
  informers.start();
  return {
    client,
    informers,
    nodeKubeconfig: credentials.nodeKubeconfig,
    dnsKubeconfig: credentials.dnsKubeconfig,
    servePods: async ({ logs, streams, connect }) => {
      api.setPodLogs(logs);
      api.setPodStreams(streams);
      api.setEndpointConnector(connect);
    },
    stop: async () => {
      controllers.stop();
      await informers.stop();
      await api.stop();
      state?.close();
    },
  };
}

function openState({ nodes, podCidrs, serviceCidrs }: LabConfig, directory: string): FileStorage {
  const cluster = { nodes: nodes.map(({ name }) => name), podCidrs, serviceCidrs };
  return new FileStorage({ directory, cluster });
}

/** With what tokens are signed: those that were given out stay good. Made where there is none. */
function tokenKeyIn(directory: string): string {
  const path = join(directory, 'service-account.key');
  if (!existsSync(path)) writeFileSync(path, newTokenKey(), { mode: 0o600 });
  return readFileSync(path, 'utf8');
}

/** Listens on the fabric and on 127.0.0.1; the port there. */
async function listen(
  api: ApiServer,
  config: LabConfig,
  { paths, credentials }: { paths: LabPaths; credentials: Credentials },
): Promise<number> {
  const tls = { ...credentials.server, clientCa: credentials.ca };
  const port = config.apiServerPort;
  using fabric = openNetns(paths.netns('fabric'));
  const fds = config.apiServerIps.map((text) => listenTcp(fabric, { ip: parseIp(text), port }));
  await api.listen({ ...tls, at: { fds } });
  return listenOnMachine(api, tls, port);
}

/** The first free port of 127.0.0.1 from `first` on: each lab of the machine has one. */
async function listenOnMachine(
  api: ApiServer,
  tls: Omit<Parameters<ApiServer['listen']>[0], 'at'>,
  first: number,
): Promise<number> {
  let taken: unknown;
  for (let port = first; port < first + triedPorts; port++) {
    try {
      await api.listen({ ...tls, at: { host: '127.0.0.1', port } });
      return port;
    } catch (error) {
      taken = error;
    }
  }
  const range = `${first} to ${first + triedPorts - 1}`;
  throw new TendrilError('LAB_FAILED', `no port of 127.0.0.1 from ${range} is free for the API server`, {
    cause: taken,
    remedy: 'End what listens there.',
  });
}

/** It belongs to who called sudo, so that kubectl works without it. */
export function writeAdminKubeconfig(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
  const { SUDO_UID, SUDO_GID } = process.env;
  if (SUDO_UID !== undefined) chownSync(path, Number(SUDO_UID), Number(SUDO_GID ?? SUDO_UID));
}
