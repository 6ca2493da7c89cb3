/** `tendril forward` */
import { resourcePath, resources } from '../kube/resources.ts';
import type { Pod, Service, ServicePort } from '../kube/types.ts';
import { TendrilError } from '../util/errors.ts';
import { connectTo, type Destination } from './forward/destination.ts';
import { listenLocally } from './forward/listeners.ts';
import { createRelay } from './forward/relay.ts';
import { defineCommand } from './parser/command.ts';
import { namespaceOption, sessionOptions } from './parser/common-options.ts';

import { isCluster } from './session/cluster-session.ts';
import { requireRoot } from './session/root.ts';
import { type ApiSession, openSession } from './session/session.ts';
import { findPod, readyPodsOf } from './session/workload.ts';

export const forward = defineCommand(
  {
    name: 'forward',
    summary: 'Relays a port of this machine to a pod or Service, until Ctrl-C.',
    usage: ['forward svc/NAME [LOCAL:]PORT [-n NAMESPACE]', 'forward pod/NAME [LOCAL:]PORT [-n NAMESPACE]'],
    options: {
      ...sessionOptions,
      namespace: namespaceOption("where it is (default: the context's, or default)"),
    },
    words: { min: 2, max: 2 },
    examples: [
      'tendril forward svc/frontend 8080:80',
      'tendril forward pod/web-0 8080',
      'tendril forward svc/api :http',
      'tendril forward --kubeconfig admin.conf svc/frontend 8080:80',
    ],
  },
  async ({ name, options, words }) => {
    if (!isCluster(options)) requireRoot('forward');
    const { local, remote } = parsePorts(words[1]!);
    using session = await openSession({ name, ...options });
    const target = words[0]!.includes('/') ? words[0]! : `pod/${words[0]}`;
    const namespace = options.namespace ?? session.namespace;
    const choose = await destinationChooser(session, { target, namespace, remote });
    const first = await choose();
    const remotePort = /^\d+$/.test(remote) ? Number(remote) : first.port;
    const relay = createRelay({
      connect: async () => await connectTo(session, await choose()),
      onFailure: (message) => process.stderr.write(`tendril: a connection failed: ${message}\n`),
    });
    const listeners = await listenLocally(relay.accept, local, remotePort);
    process.stdout.write(`http://127.0.0.1:${listeners.port}/ → ${target} port ${remote}; Ctrl-C ends it\n`);
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve).once('SIGTERM', resolve);
    });
    listeners.close();
    relay.close();
    return 0;
  },
);

interface Ports {
  /** 0: any free one; undefined: the same as the remote one, or any free one. */
  local: number | undefined;
  /** A number, or a named port. */
  remote: string;
}

/** `PORT`, `LOCAL:PORT`, or `:PORT` for any free local one. @throws TendrilError USAGE */
export function parsePorts(text: string): Ports {
  const match = /^(?:(\d*):)?([a-z0-9][a-z0-9-]*)$/i.exec(text);
  const local = match?.[1] === undefined ? undefined : Number(match[1]);
  const remote = match?.[2] ?? '';
  const valid = (port: number) => port >= 0 && port <= 65_535;
  if (
    !match ||
    !valid(local ?? 0) ||
    (/^\d+$/.test(remote) && (!valid(Number(remote)) || Number(remote) === 0))
  ) {
    throw new TendrilError('USAGE', `"${text}" is not [LOCAL:]PORT, such as 8080:80`);
  }
  return { local, remote };
}

/** A function that finds, for each connection anew, the pod to connect to. */
async function destinationChooser(
  session: ApiSession,
  { target, namespace, remote }: { target: string; namespace: string; remote: string },
): Promise<() => Promise<Destination>> {
  const [kind = '', name = ''] = target.split('/', 2);
  const resource = (await session.discovery()).byName(kind)[0]!;
  if (resource.kind !== 'Service') {
    const pod = await findPod(session, target, namespace);
    return async () => podDestination(pod, remote);
  }
  const path = resourcePath(resources.services, { namespace, name });
  let turn = 0;
  return async () => {
    const service = (await session.api.send({ method: 'GET', path })) as Service;
    const port = servicePort(service, remote);
    const pods = await readyPodsOf(session, service);
    if (pods.length === 0) {
      const remedy = `See why: tendril get endpointslices,pods -n ${namespace}`;
      throw new TendrilError('NOT_READY', `svc/${name} has no ready endpoint`, { remedy });
    }
    return podDestination(pods[turn++ % pods.length]!, String(port.targetPort ?? port.port));
  };
}

function servicePort(service: Service, wanted: string): ServicePort {
  const ports = service.spec?.ports ?? [];
  const found = ports.find((port) => port.name === wanted || String(port.port) === wanted);
  if (found === undefined) {
    const known = ports.map((port) => port.port).join(', ');
    throw new TendrilError(
      'BAD_INPUT',
      `svc/${service.metadata.name} has no port ${wanted}; it has ${known || 'none'}`,
    );
  }
  if (found.protocol !== undefined && found.protocol !== 'TCP') {
    throw new TendrilError('BAD_INPUT', `port ${wanted} is ${found.protocol}; only TCP can be relayed`);
  }
  return found;
}

function podDestination(pod: Pod, wanted: string): Destination {
  const { namespace = 'default', name } = pod.metadata;
  const ip = pod.status?.podIP;
  const node = pod.spec?.nodeName;
  if (!ip || !node) {
    const remedy = `See why: tendril get pod ${name} -n ${namespace} -o yaml`;
    throw new TendrilError('NOT_READY', `pod ${name} has no address yet`, { remedy });
  }
  const place = { node, namespace, pod: name, ip };
  if (/^\d+$/.test(wanted)) return { ...place, port: Number(wanted) };
  const named = pod.spec?.containers.flatMap(({ ports = [] }) => ports).find((port) => port.name === wanted);
  if (named === undefined) throw new TendrilError('BAD_INPUT', `pod ${name} has no port named "${wanted}"`);
  return { ...place, port: named.containerPort };
}
