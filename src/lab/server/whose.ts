/** For `status`: of a lab on an external API server, whose is what. */
import type { ControllerGroup } from '../controllers/controllers.ts';
import type { ExternalApiServer } from '../external/external-api-server.ts';
import type { ExternalStatus } from './control-protocol.ts';

const described: Record<ControllerGroup, string> = {
  'node-cidr': 'pod CIDRs of nodes',
  workloads: 'workloads, EndpointSlices, mirroring',
  scheduler: 'scheduler',
};

/** What the lab does not run is left to the cluster. Pure. */
export function externalStatus(
  { endpoint, version, egressSocket }: ExternalApiServer,
  labRuns: ReadonlySet<ControllerGroup>,
): ExternalStatus {
  return {
    server: endpoint.server,
    version,
    ...(egressSocket && { egressSocket }),
    controllers: Object.entries(described).map(([group, what]) => ({
      what,
      whose: labRuns.has(group as ControllerGroup) ? 'lab' : 'cluster',
    })),
  };
}
