/** Whether whoever installs may do all that it takes: asked of the API server, right by right. */
import type { KubeClient } from '../../kube/client/client.ts';
import { type DeployObject, typeOf } from '../cluster-objects.ts';
import { nodePodNamespace } from '../node-pod.ts';
import type { Problem } from '../problem.ts';

/** As a SubjectAccessReview's resourceAttributes. */
export interface Right {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** What an installation of these objects asks for, beside the roles' own rights. */
export function neededRights(objects: readonly DeployObject[]): Right[] {
  const own = objects.flatMap((object): Right[] => {
    const { group, plural: resource, namespaced } = typeOf(object);
    const { namespace } = object.metadata;
    const at = { group, resource, ...(namespaced && { namespace }) };
    return ['get', 'create', 'update', 'delete'].map((verb) => ({ verb, ...at }));
  });
  const core = { group: '', namespace: nodePodNamespace };
  return unique([
    ...['list', 'get'].map((verb) => ({ verb, group: '', resource: 'nodes' })),
    ...['list', 'get', 'delete'].map((verb) => ({ verb, group: '', resource: 'pods' })),
    ...['list', 'get'].map((verb) => ({ verb, group: 'apps', resource: 'daemonsets' })),
    { verb: 'patch', group: '', resource: 'nodes', subresource: 'status' },
    { verb: 'create', ...core, resource: 'pods' },
    { verb: 'get', ...core, resource: 'pods', subresource: 'log' },
    { verb: 'list', ...core, resource: 'events' },
    ...own,
  ]);
}

function unique(rights: readonly Right[]): Right[] {
  return [...new Map(rights.map((right) => [JSON.stringify(right), right])).values()];
}

export async function isAllowed(client: KubeClient, right: Right): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: right },
  };
  const answer = (await client.request('POST', reviews, body)) as { status?: { allowed?: boolean } };
  return answer.status?.allowed === true;
}

/** One problem that names everything that is missing; none where nothing is. */
export async function probeAccess(client: KubeClient, objects: readonly DeployObject[]): Promise<Problem[]> {
  const missing = await denied(client, neededRights(objects));
  const escalate = { verb: 'escalate', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' };
  // The API server lets nobody give rights that he does not have himself, but who may escalate.
  if (missing.length === 0 && !(await isAllowed(client, escalate)))
    missing.push(...(await denied(client, grantedRights(objects))));
  if (missing.length === 0) return [];
  return [
    {
      what: `these rights are missing: ${missing.map(textOf).join(', ')}`,
      remedy: 'Use the kubeconfig of a cluster administrator (the ClusterRole cluster-admin).',
    },
  ];
}

/** Eight at a time. */
async function denied(client: KubeClient, rights: readonly Right[]): Promise<Right[]> {
  const missing: Right[] = [];
  const waiting = [...rights];
  const worker = async (): Promise<void> => {
    for (let right = waiting.shift(); right !== undefined; right = waiting.shift())
      if (!(await isAllowed(client, right))) missing.push(right);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return missing;
}

export function grantedRights(objects: readonly DeployObject[]): Right[] {
  return unique(
    objects.flatMap((object) => {
      const { rules = [] } = object as unknown as { rules?: Rule[] };
      const { namespace } = object.metadata;
      return rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((path) => {
            const [resource, subresource] = path.split('/') as [string, string?];
            const at = {
              group,
              resource,
              ...(subresource && { subresource }),
              ...(namespace && { namespace }),
            };
            return verbs.map((verb) => ({ verb, ...at }));
          }),
        ),
      );
    }),
  );
}

function textOf({ verb, group, resource, subresource, namespace }: Right): string {
  const what = `${resource}${group ? `.${group}` : ''}${subresource ? `/${subresource}` : ''}`;
  return `${verb} ${what}${namespace ? ` in ${namespace}` : ''}`;
}
