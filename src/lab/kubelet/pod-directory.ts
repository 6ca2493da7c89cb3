/** Where everything of one pod lies on its node. */
import { join } from 'node:path';

export interface NodePaths {
  /** Pods' directories, one per uid. */
  pods: string;
  /** What hostPath volumes show. */
  hostPath: string;
  /** Claims' directories, the same for all nodes. */
  claims: string;
  /** The node's own network namespace. */
  netns: string;
  /** Path of a pod's network namespace, by uid. */
  podNetns: (uid: string) => string;
  /** The node's cgroup directory. */
  cgroup: string;
}

export interface PodPaths {
  root: string;
  volumes: string;
  etc: { root: string; hosts: string; hostname: string; resolvConf: string };
  netns: string;
  cgroup: string;
  /** Below the pod's, of one attempt of a container; no limit of one before it is used up already. */
  containerCgroup: (container: string, attempt: number) => string;
  /** All attempts' logs of a container: 0.log, 1.log, … */
  logs: (container: string) => string;
  /** Scratch, termination message and record of a container. */
  container: (container: string) => {
    root: string;
    scratch: string;
    terminationLog: string;
    morePorts: string;
    record: string;
  };
}

export function podPaths(paths: NodePaths, uid: string): PodPaths {
  const root = join(paths.pods, uid);
  const cgroup = join(paths.cgroup, 'pods', uid);
  return {
    root,
    volumes: join(root, 'volumes'),
    etc: {
      root: join(root, 'etc'),
      hosts: join(root, 'etc', 'hosts'),
      hostname: join(root, 'etc', 'hostname'),
      resolvConf: join(root, 'etc', 'resolv.conf'),
    },
    netns: paths.podNetns(uid),
    cgroup,
    containerCgroup: (name, attempt) => join(cgroup, `${name}.${attempt}`),
    logs: (container) => join(root, 'logs', container),
    container: (name) => {
      const at = join(root, 'containers', name);
      return {
        root: at,
        scratch: join(at, 'scratch'),
        terminationLog: join(at, 'termination-log'),
        morePorts: join(at, 'ports'),
        record: join(at, 'container.json'),
      };
    },
  };
}
