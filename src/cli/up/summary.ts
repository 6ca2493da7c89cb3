/** What `up` ends with: tables of nodes, pods and Services, what is stood in, and what to type next. */
import { resourcePath, resources } from '../../kube/resources.ts';
import type { Service } from '../../kube/types.ts';
import type { LabStatus } from '../../lab/server/control-protocol.ts';
import { hostText } from '../../lab/server/host-text.ts';
import type { LabConfig } from '../../lab/topology/lab-config.ts';
import { formatServerTable, type ServerTable } from '../output/server-table.ts';
import { formatTable } from '../output/table.ts';
import type { RawApi } from '../session/raw-api.ts';

const tableMedia = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export async function summary(
  api: RawApi,
  config: LabConfig,
  standIns: LabStatus['standIns'],
): Promise<string> {
  const table = async (type: Parameters<typeof resourcePath>[0]): Promise<string> => {
    const answer = (await api.send({
      method: 'GET',
      path: resourcePath(type),
      accept: tableMedia,
    })) as ServerTable;
    return formatServerTable(answer, { wide: false, withNamespace: type.namespaced, prefix: '' });
  };
  const tables = await Promise.all([resources.nodes, resources.pods, resources.services].map(table));
  const services = (await api.send({ method: 'GET', path: resourcePath(resources.services) })) as {
    items: Service[];
  };
  const parts = [...tables];
  if (standIns.length > 0) {
    const rows = standIns.map(({ image, containers }) => [
      image,
      `${containers.length} container${containers.length === 1 ? '' : 's'}`,
    ]);
    parts.push(`Images that a stand-in server answers for:\n${formatTable([], rows)}`);
  }
  parts.push(nextSteps(config, services.items));
  return parts.join('\n');
}

/** Lines that work as pasted. Pure. */
export function nextSteps(config: LabConfig, services: readonly Service[]): string {
  const tendril = 'bin/tendril';
  const name = config.name === 'lab' ? '' : ` --name ${config.name}`;
  const call = exampleCall(config, services);
  return [
    'Try:',
    ...(call ? [`  ${tendril} exec${name} ${call}`] : []),
    `  export KUBECONFIG=$(${tendril} kubeconfig${name}); kubectl get pods -A   # kubectl: apt install kubernetes-client`,
    `  ${tendril} status${name}`,
    `  ${tendril} down${name}`,
    '',
  ].join('\n');
}

function exampleCall(config: LabConfig, services: readonly Service[]): string | undefined {
  const own = services.filter(
    ({ metadata, spec }) => metadata.namespace !== 'kube-system' && spec?.selector !== undefined,
  );
  const tcp = (service: Service) => service.spec?.ports?.find(({ protocol = 'TCP' }) => protocol === 'TCP');
  const exposed = own.find((service) => tcp(service)?.nodePort !== undefined);
  if (exposed) return `--outside -- curl -s ${url(config.nodes[0]!.ips[0]!, tcp(exposed)!.nodePort!)}`;
  const internal = own.find(
    (service) => tcp(service) && service.spec?.clusterIP && service.spec.clusterIP !== 'None',
  );
  if (internal === undefined) return undefined;
  return `--node ${config.nodes[0]!.name} -- curl -s ${url(internal.spec!.clusterIP!, tcp(internal)!.port)}`;
}

/** In quotes where a shell would take the brackets for a pattern. */
function url(ip: string, port: number): string {
  const text = `http://${hostText(ip)}:${port}/`;
  return text.includes('[') ? `'${text}'` : text;
}
