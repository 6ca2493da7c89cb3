/**
 * The lab's stand-in for kube-apiserver: Kubernetes' API in memory, small, with the semantics of the real one
 * for what it has.
 *
 *     https ──► handle(request) ──► rest/ (verbs) ──► registry/ (what each resource is) ──► storage/
 *     in-process client ──┘                                ▲                                  ▲
 *                            admission/ (webhooks and policies, asked about writes)       │
 *                         customresources/ (kinds that are defined while it runs)             │
 *                                              bootstrap, gc/ (namespaces, owners) ───────────┘
 */
import type { KubeClient } from '../../kube/client/client.ts';
import type { PortRange } from '../../net/ports.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import { type Logger, silentLogger } from '../../util/logger.ts';
import { DynamicAdmission } from './admission/dynamic-admission.ts';
import { IpAddressKeeper } from './allocation/ip-address-keeper.ts';
import { ServiceAllocator } from './allocation/service-allocator.ts';
import type { ApiHandler, ApiRequest } from './api-request.ts';
import { allowAll, RbacAuthorizer } from './auth/rbac.ts';
import { ServiceAccountTokens } from './auth/service-account-tokens.ts';
import { bootstrap } from './bootstrap.ts';
import { DefinitionController } from './customresources/definition-controller.ts';
import { GarbageCollector } from './gc/garbage-collector.ts';
import { NamespaceController } from './gc/namespace-controller.ts';
import { createHandler } from './handler.ts';
import { type Listener, type ListenOptions, listenHttps } from './http/https-server.ts';
import { InProcessClient } from './in-process-client.ts';
import { ResourceRegistry } from './registry/resource-registry.ts';
import type { PodLogs } from './rest/pod-logs.ts';
import { createRestContext } from './rest/rest-context.ts';
import { MemoryStorage } from './storage/memory-storage.ts';
import type { Storage } from './storage/storage.ts';
import type { PodStreams } from './streams/pod-streams.ts';
import { type ConnectEndpoint, WebhookClient } from './webhooks/webhook-client.ts';

export interface ApiServerOptions {
  /** One or two, of different families, primary first. */
  serviceCidrs: string[];
  nodePortRange: PortRange;
  /** Where the `kubernetes` Service leads; without it the Service has no endpoints. */
  advertise?: { ips: string[]; port: number };
  /** PEM; what pods get as `kube-root-ca.crt`. */
  caCertificate?: string;
  podLogs?: PodLogs;
  /** Absent: whoever the server knows may do everything. */
  authorization?: 'rbac' | undefined;
  storage?: Storage;
  /** PEM; with what ServiceAccounts' tokens are signed. */
  tokenKey?: string;
  clock?: Clock;
  logger?: Logger;
}

export interface ApiServer {
  /** Answers one request; never throws: errors are Status answers. */
  handle: ApiHandler;
  /** The API for parts of the same process. */
  client(): KubeClient;
  /** Serves TLS; may be called more than once (the fabric's addresses, 127.0.0.1). */
  listen(options: Omit<ListenOptions, 'authenticate'>): Promise<Listener>;
  /** Supplies `kubectl logs`, for kubelets that start after the server. */
  setPodLogs(podLogs: PodLogs): void;
  /** Supplies exec, attach and port-forward, likewise. */
  setPodStreams(podStreams: PodStreams): void;
  /** Says how endpoints of Services are reached; directly until then. */
  setEndpointConnector(connect: ConnectEndpoint): void;
  /** Ends watches, listeners and background work. */
  stop(): Promise<void>;
}

/** A running server with what every cluster has: namespaces and the `kubernetes` Service. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { serviceCidrs, nodePortRange, caCertificate = '', logger = silentLogger } = options;
  const storage = options.storage ?? new MemoryStorage();
  const services = new ServiceAllocator({ serviceCidrs, nodePortRange });
  services.attach(storage);
  const resources = new ResourceRegistry();
  const clock = options.clock ?? systemClock;
  const tokens = new ServiceAccountTokens({ storage, clock, key: options.tokenKey });
  const authorizer = options.authorization === 'rbac' ? new RbacAuthorizer(storage) : allowAll;
  const webhooks = new WebhookClient(storage);
  const ignored = (problem: string) => logger.warn(problem);
  const context = createRestContext({
    storage,
    resources,
    services,
    clock,
    tokens,
    authorizer,
    dynamicAdmission: new DynamicAdmission({ storage, resources, authorizer, webhooks, ignored }),
    webhooks,
    podLogs: options.podLogs,
  });
  const collector = new GarbageCollector(context, logger);
  const namespaces = new NamespaceController(context, { caCertificate, logger });
  const definitions = new DefinitionController(context, logger);
  const stopKeeping = bootstrap(context, { serviceCidrs, advertise: options.advertise }, logger);
  const ipAddresses = new IpAddressKeeper(context, logger);
  const stopping = new AbortController();
  const answer = createHandler(context, logger);
  // Every watch and followed log ends with the server.
  const handle: ApiHandler = (request) => {
    const signals = request.signal ? [request.signal, stopping.signal] : [stopping.signal];
    return answer({ ...request, signal: isLong(request) ? AbortSignal.any(signals) : request.signal });
  };
  const listeners: Listener[] = [];
  return {
    handle,
    client: () => new InProcessClient(handle),
    async listen(at) {
      const authenticate = (token: string) => tokens.verify(token)?.user;
      const listener = await listenHttps(handle, { ...at, authenticate });
      listeners.push(listener);
      return listener;
    },
    setPodLogs(podLogs) {
      context.podLogs = podLogs;
    },
    setPodStreams(podStreams) {
      context.podStreams = podStreams;
    },
    setEndpointConnector(connect) {
      webhooks.connectEndpoint = connect;
    },
    async stop() {
      stopping.abort();
      stopKeeping();
      collector.stop();
      namespaces.stop();
      definitions.stop();
      ipAddresses.stop();
      resources.close();
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
}

function isLong({ path, query }: ApiRequest): boolean {
  return query?.has('watch') === true || query?.has('follow') === true || path.includes('/watch/');
}
