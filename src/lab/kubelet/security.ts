/** The user, groups and capabilities of a container, from the pod's and its own securityContext. */
import type { Container, Pod } from '../../kube/types.ts';
import { TendrilError } from '../../util/errors.ts';

export interface ContainerSecurity {
  uid: number;
  gid: number;
  supplementalGroups: number[];
  /** Without CAP_. */
  capabilities: string[];
  noNewPrivileges: boolean;
  readOnlyRoot: boolean;
  /** What was asked for and a lab does not give; for an event. */
  refused?: string;
}

/** What container runtimes give by default (the OCI default set), less MKNOD: a lab has no devices to offer. */
export const defaultCapabilities: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];
/** The most a container can be given without reaching beyond its namespaces. */
const grantable: readonly string[] = [
  ...defaultCapabilities,
  'IPC_LOCK',
  'NET_ADMIN',
  'NET_BROADCAST',
  'SYS_PTRACE',
];
/** The user of an image that names none but must not be root. */
const nonRootUser = 65_532;

/**
 * @throws TendrilError BAD_INPUT where runAsNonRoot meets uid 0: CreateContainerConfigError. An image's own user is not
 * known in a lab; with runAsNonRoot and no runAsUser it is taken to be a user other than root.
 */
export function containerSecurity(pod: Pod, container: Container): ContainerSecurity {
  const shared = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const nonRoot = own.runAsNonRoot ?? shared.runAsNonRoot ?? false;
  if (nonRoot && user === 0) {
    throw new TendrilError(
      'BAD_INPUT',
      `container's runAsUser breaks non-root policy (container: ${container.name})`,
    );
  }
  const uid = user ?? (nonRoot ? nonRootUser : 0);
  const groups = [
    ...(shared.supplementalGroups ?? []),
    ...(shared.fsGroup !== undefined ? [shared.fsGroup] : []),
  ];
  const { capabilities, refused } = capabilitiesOf(own);
  return {
    uid,
    gid: own.runAsGroup ?? shared.runAsGroup ?? (user === undefined && nonRoot ? nonRootUser : 0),
    supplementalGroups: [...new Set(groups)],
    capabilities,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    readOnlyRoot: own.readOnlyRootFilesystem ?? false,
    ...(refused ? { refused } : {}),
  };
}

function capabilitiesOf(context: NonNullable<Container['securityContext']>) {
  const names = (list: readonly string[] = []) => list.map((name) => name.toUpperCase().replace(/^CAP_/, ''));
  if (context.privileged) {
    const refused =
      'privileged: the container gets every capability a lab gives, and no device of the machine';
    return { capabilities: [...grantable].sort(), refused };
  }
  const add = names(context.capabilities?.add);
  const drop = names(context.capabilities?.drop);
  const base = drop.includes('ALL') ? [] : add.includes('ALL') ? grantable : defaultCapabilities;
  const dropped = new Set(drop);
  const kept = base.filter((name) => !dropped.has(name));
  const added =
    add.includes('ALL') && drop.includes('ALL') ? grantable : add.filter((name) => name !== 'ALL');
  const beyond = added.filter((name) => !grantable.includes(name));
  const capabilities = [...new Set([...kept, ...added])].filter((name) => grantable.includes(name)).sort();
  if (beyond.length === 0) return { capabilities };
  return { capabilities, refused: `capabilities that reach beyond a lab's container: ${beyond.join(', ')}` };
}
